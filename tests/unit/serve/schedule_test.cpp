#include "serve/schedule.hpp"

#include "error.hpp"
#include "unit/catalog/zone.hpp"

#include <gmock/gmock.h>

#include <functional>

namespace miraclemax::serve {
namespace {

using namespace std::chrono_literals;
using std::chrono::seconds;

Moment utc(int year, unsigned month, unsigned day, int hour = 0, int minute = 0) {
    return std::chrono::sys_days(std::chrono::year(year) / month / day) + std::chrono::hours(hour) +
           std::chrono::minutes(minute);
}

// A host with a clock that can be put wrong, and a daemon that looks at its schedule every 30 seconds.
class Host {
public:
    explicit Host(std::vector<Job> jobs, Moment wall, Schedule::Options options = {})
        : jobs_(std::move(jobs)), options_(std::move(options)), wall_(wall) {
        boot();
    }

    // From the memory that was written down, as JSON.
    void boot() {
        steady_ = std::chrono::steady_clock::time_point{};
        schedule_ = std::make_unique<Schedule>(jobs_, options_, parse_schedule_memory(disk_));
    }
    void stay_off(seconds time) {
        schedule_.reset();
        wall_ += time;
        boot();
    }
    void put_clock(seconds by) { wall_ += by; }
    void put_clock(Moment to) { wall_ = to; }
    void set_jobs(std::vector<Job> jobs) {
        jobs_ = std::move(jobs);
        boot();
    }

    // Time passes, and what is due is run. A run takes no time, unless told.
    void live(seconds time) {
        const auto end = steady_ + time;
        while (steady_ < end) {
            step();
            pass(30s);
        }
        step();
    }
    void pass(seconds time) {
        wall_ += time;
        steady_ += time;
    }
    Look look() {
        const Look look = schedule_->look(now());
        if (look.remember)
            write_down();
        return look;
    }
    void start(const DueRun& run) {
        schedule_->ended(run);
        write_down();
        runs.push_back(run);
        starts.push_back(wall_);
    }
    [[nodiscard]] Now now() const { return {.wall = wall_, .steady = steady_}; }
    Schedule& schedule() { return *schedule_; }
    [[nodiscard]] Moment wall() const { return wall_; }

    [[nodiscard]] std::vector<Moment> planned(const std::string& job = "backup") const {
        std::vector<Moment> all;
        for (const DueRun& run : runs)
            if (run.job == job)
                all.push_back(run.planned);
        return all;
    }

    std::vector<DueRun> runs;
    std::vector<Moment> starts;

private:
    void step() {
        for (const DueRun& run : look().due) {
            EXPECT_LE(run.planned, wall_);
            start(run);
        }
    }
    void write_down() { disk_ = to_json(schedule_->memory()); }

    std::vector<Job> jobs_;
    Schedule::Options options_;
    Moment wall_;
    std::chrono::steady_clock::time_point steady_{};
    std::unique_ptr<Schedule> schedule_;
    std::string disk_ = to_json({});
};

Job nightly(seconds jitter = 0s) {
    return {.name = "backup", .when = Cron::parse("0 3 * * *"), .jitter = jitter};
}

using testing::ElementsAre;
using testing::IsEmpty;

class ScheduleTest : public testing::Test {
protected:
    const test::Zone zone_{"UTC"};
};

TEST_F(ScheduleTest, RunsOncePerPlannedTime) {
    Host host({nightly()}, utc(2026, 11, 26, 12));
    host.live(72h);
    EXPECT_THAT(host.planned(),
                ElementsAre(utc(2026, 11, 27, 3), utc(2026, 11, 28, 3), utc(2026, 11, 29, 3)));
    for (const DueRun& run : host.runs)
        EXPECT_EQ(run.missed, 0U);
}

TEST_F(ScheduleTest, BeginsWhenItIsInstalledAndMakesUpForNothing) {
    Host host({nightly()}, utc(2026, 11, 29, 3, 1));
    host.live(12h);
    EXPECT_THAT(host.runs, IsEmpty());
    EXPECT_EQ(host.schedule().next_run("backup", host.now()), utc(2026, 11, 30, 3));
}

TEST_F(ScheduleTest, DoesNotRunAgainAfterARestart) {
    Host host({nightly()}, utc(2026, 11, 28, 12));
    host.live(16h);
    for (int count = 0; count < 5; ++count) {
        host.stay_off(1min);
        host.live(10min);
    }
    EXPECT_THAT(host.planned(), ElementsAre(utc(2026, 11, 29, 3)));
}

TEST_F(ScheduleTest, MakesUpOnceForAWeekThatTheHostWasOff) {
    Host host({nightly()}, utc(2026, 11, 1, 12));
    host.live(24h);
    host.stay_off(7 * 24h);
    host.live(1min);
    ASSERT_THAT(host.planned(), ElementsAre(utc(2026, 11, 2, 3), utc(2026, 11, 9, 3)));
    EXPECT_EQ(host.runs[1].missed, 6U);
    host.live(24h);
    EXPECT_EQ(host.planned().back(), utc(2026, 11, 10, 3));
    EXPECT_EQ(host.runs.size(), 3U);
}

TEST_F(ScheduleTest, MakesUpForNothingWhenToldSo) {
    Host host({nightly()}, utc(2026, 11, 1, 12), {.catch_up = false, .seed = ""});
    host.live(24h);
    host.stay_off(7 * 24h);
    host.live(12h);
    EXPECT_THAT(host.planned(), ElementsAre(utc(2026, 11, 2, 3)));
    host.live(12h);
    EXPECT_THAT(host.planned(), ElementsAre(utc(2026, 11, 2, 3), utc(2026, 11, 10, 3)));
}

TEST_F(ScheduleTest, ARestartInTheVeryMinuteMissesNothing) {
    Host host({nightly()}, utc(2026, 11, 1, 12), {.catch_up = false, .seed = ""});
    host.live(15h - 1min);
    host.stay_off(2min);
    host.live(1min);
    EXPECT_THAT(host.planned(), ElementsAre(utc(2026, 11, 2, 3)));
}

TEST_F(ScheduleTest, WhatComesDueDuringAnotherRunIsNotMissed) {
    Host host({nightly(), {.name = "verify", .when = Cron::parse("0 4 * * *")}}, utc(2026, 11, 1, 12),
              {.catch_up = false, .seed = ""});
    host.live(15h - 30s);
    host.pass(30s);
    host.start(host.look().due.at(0)); // the backup, and it takes until 8
    for (int minute = 0; minute < 300; ++minute) {
        host.pass(1min);
        host.look();
    }
    const Look look = host.look();
    ASSERT_EQ(look.due.size(), 1U);
    EXPECT_EQ(look.due[0].job, "verify");
    EXPECT_EQ(look.due[0].planned, utc(2026, 11, 2, 4));
    host.start(look.due[0]);
    EXPECT_THAT(host.look().due, IsEmpty());
    // The same, by a caller that does not even look meanwhile.
    host.live(19h - 30s);
    host.pass(30s);
    host.start(host.look().due.at(0));
    host.pass(5h);
    EXPECT_EQ(host.look().due.at(0).planned, utc(2026, 11, 3, 4));
}

TEST_F(ScheduleTest, TheEarlierPlannedComesFirst) {
    Host host({nightly(),
               {.name = "verify", .when = Cron::parse("0 2 * * *")},
               {.name = "replicate", .when = Cron::parse("0 3 * * *")}},
              utc(2026, 11, 1, 12));
    host.look();
    host.stay_off(24h);
    std::vector<std::string> order;
    for (const DueRun& run : host.look().due)
        order.push_back(run.job);
    EXPECT_THAT(order, ElementsAre("verify", "backup", "replicate"));
}

TEST_F(ScheduleTest, AnotherExpressionBeginsAfresh) {
    Host host({nightly()}, utc(2026, 11, 1, 12));
    host.live(24h); // 2 November 12:00
    host.set_jobs({{.name = "backup", .when = Cron::parse("0 11 * * *")}});
    host.live(1h);
    EXPECT_EQ(host.planned().size(), 1U);
    host.live(24h);
    EXPECT_EQ(host.planned().back(), utc(2026, 11, 3, 11));
}

TEST_F(ScheduleTest, AClockPutBackADayRunsNothingASecondTime) {
    Host host({nightly()}, utc(2026, 11, 1, 12));
    host.live(3 * 24h); // 4 November 12:00
    ASSERT_EQ(host.runs.size(), 3U);
    host.put_clock(-24h);
    host.live(23h);
    EXPECT_EQ(host.runs.size(), 3U);
    EXPECT_EQ(host.schedule().next_run("backup", host.now()), utc(2026, 11, 5, 3));
    host.live(24h);
    EXPECT_EQ(host.planned().back(), utc(2026, 11, 5, 3));
    EXPECT_EQ(host.runs.size(), 4U);
}

TEST_F(ScheduleTest, AClockPutForwardMakesUpOnce) {
    Host host({nightly()}, utc(2026, 11, 1, 12));
    host.live(1h);
    host.put_clock(3 * 24h);
    EXPECT_EQ(host.look().stepped, 3 * 24h);
    host.live(1h);
    EXPECT_THAT(host.planned(), ElementsAre(utc(2026, 11, 4, 3)));
}

TEST_F(ScheduleTest, WhatAStepOfTheClockSkipsIsMissed) {
    Host host({nightly()}, utc(2026, 11, 1, 12), {.catch_up = false, .seed = ""});
    host.live(1h);
    host.put_clock(24h);
    host.live(1h);
    EXPECT_THAT(host.runs, IsEmpty());
    host.live(24h);
    EXPECT_THAT(host.planned(), ElementsAre(utc(2026, 11, 3, 3)));
}

TEST_F(ScheduleTest, WhatIsLeftOutWhileTheClockIsBehindMayStillHaveItsTime) {
    Host host({nightly()}, utc(2026, 11, 1, 12));
    host.live(24h);
    host.stay_off(7 * 24h); // the 3rd to the 8th have no run
    host.live(1h);
    host.put_clock(utc(2026, 11, 5, 12));
    host.live(1h);
    host.put_clock(utc(2026, 11, 5, 2));
    host.live(2h);
    EXPECT_THAT(host.planned(), ElementsAre(utc(2026, 11, 2, 3), utc(2026, 11, 9, 3), utc(2026, 11, 5, 3)));
}

TEST_F(ScheduleTest, AStepOverTheVeryTimeRunsIt) {
    Host host({nightly()}, utc(2026, 11, 1, 12), {.catch_up = false, .seed = ""});
    host.live(15h - 2min);
    host.put_clock(5min);
    host.live(10min);
    EXPECT_THAT(host.planned(), ElementsAre(utc(2026, 11, 2, 3)));
    host.put_clock(-5min);
    host.live(10min);
    EXPECT_EQ(host.runs.size(), 1U);
}

TEST_F(ScheduleTest, IsNotDeceivedBy1970AtBoot) {
    for (const int first_hour : {0, 1}) {
        Host host({nightly(), {.name = "verify", .when = Cron::parse("@hourly")}}, utc(2026, 11, 1, 12));
        host.live(24h); // 2 November 12:00
        const auto before = host.runs.size();
        host.stay_off(30min);
        host.put_clock(utc(1970, 1, 1, first_hour, 0) + 20s);
        host.boot();
        host.live(10min);
        EXPECT_EQ(host.runs.size(), before) << "something ran in 1970";
        host.put_clock(utc(2026, 11, 2, 12, 40));
        host.live(10min);
        EXPECT_EQ(host.runs.size(), before) << "a planned time ran twice";
        host.stay_off(20h); // 3 November 8:50
        host.put_clock(utc(1970, 1, 1));
        host.boot();
        host.live(2min);
        host.put_clock(utc(2026, 11, 3, 9, 10));
        host.live(2min);
        EXPECT_EQ(host.planned().back(), utc(2026, 11, 3, 3));
        EXPECT_EQ(host.planned("verify").back(), utc(2026, 11, 3, 9));
        EXPECT_EQ(host.runs.size(), before + 2);
    }
}

TEST_F(ScheduleTest, AHostThatStaysIn1970StillBacksUp) {
    Host host({nightly()}, utc(2026, 11, 1, 12));
    host.live(24h);
    host.put_clock(utc(1970, 1, 1));
    host.boot();
    host.live(48h);
    EXPECT_THAT(host.planned(), ElementsAre(utc(2026, 11, 2, 3), utc(1970, 1, 1, 3), utc(1970, 1, 2, 3)));
}

// A wrong clock of an hour must not silence the years up to where it stood.
TEST_F(ScheduleTest, AClockThatWasYearsAheadSilencesNothing) {
    Host host({nightly()}, utc(2026, 11, 1, 12));
    host.live(24h);
    host.put_clock(utc(2035, 1, 1, 12));
    host.live(1h);
    EXPECT_EQ(host.planned().back(), utc(2035, 1, 1, 3));
    host.put_clock(utc(2026, 11, 2, 13));
    host.live(48h);
    EXPECT_THAT(host.planned(), ElementsAre(utc(2026, 11, 2, 3), utc(2035, 1, 1, 3), utc(2026, 11, 3, 3),
                                            utc(2026, 11, 4, 3)));
    host.stay_off(48h); // and being off is made up for again
    host.live(1min);
    EXPECT_EQ(host.planned().back(), utc(2026, 11, 6, 3));
}

TEST_F(ScheduleTest, JitterIsTheSameAfterARestartAndStaysBeforeTheNext) {
    std::set<seconds> seen;
    for (const char* seed : {"alpha", "beta", "gamma", "delta"}) {
        Host host({nightly(1h)}, utc(2026, 11, 1, 12), {.catch_up = true, .seed = seed});
        host.look();
        const auto begin = host.schedule().next_run("backup", host.now());
        ASSERT_TRUE(begin.has_value());
        EXPECT_GE(*begin, utc(2026, 11, 2, 3));
        EXPECT_LE(*begin, utc(2026, 11, 2, 4));
        seen.insert(*begin - utc(2026, 11, 2, 3));
        host.live(*begin - host.wall() - 1s);
        EXPECT_LE(host.runs.size(), 1U); // at most half a minute early by the host's steps
        host.stay_off(30s);
        EXPECT_EQ(host.schedule().next_run("backup", host.now()) == begin,
                  host.runs.empty() && host.wall() < *begin);
        host.live(20h);
        EXPECT_THAT(host.planned(), ElementsAre(utc(2026, 11, 2, 3)));
        EXPECT_GE(host.starts.at(0), *begin);
    }
    EXPECT_GT(seen.size(), 2U);
    Host often({{.name = "backup", .when = Cron::parse("*/5 * * * *"), .jitter = 24h}}, utc(2026, 11, 1, 12));
    often.live(1h);
    EXPECT_LT(*often.schedule().next_run("backup", often.now()), often.wall() + 10min);
    EXPECT_GE(often.runs.size(), 10U); // a jitter of a day starves nothing
    std::set<Moment> planned;
    for (const DueRun& run : often.runs)
        EXPECT_TRUE(planned.insert(run.planned).second);
}

TEST_F(ScheduleTest, RunsOnceADayWhenClocksChange) {
    const test::Zone berlin("Europe/Berlin");
    for (const Moment start : {utc(2026, 3, 28, 12), utc(2026, 10, 24, 12)}) {
        Host host({{.name = "backup", .when = Cron::parse("30 2 * * *")}}, start);
        for (int hour = 0; hour < 48; ++hour) {
            host.live(1h);
            host.boot();
        }
        EXPECT_EQ(host.runs.size(), 2U);
    }
}

// Two years in which the clock is put about and the host goes off: no planned time ever runs twice.
TEST_F(ScheduleTest, NeverRunsAPlannedTimeTwice) {
    std::uint32_t dice = 1;
    const auto below = [&](std::uint32_t end) {
        dice = dice * 1664525U + 1013904223U;
        return (dice >> 8U) % end;
    };
    Host host({nightly(30min), {.name = "verify", .when = Cron::parse("0 */6 * * *")}}, utc(2026, 1, 1, 12));
    for (int round = 0; round < 60; ++round) {
        host.live(std::chrono::hours(below(40)));
        switch (below(4)) {
        case 0:
            host.stay_off(std::chrono::hours(below(100)));
            break;
        case 1:
            host.put_clock(std::chrono::hours(below(60)));
            break;
        case 2:
            host.put_clock(-std::chrono::hours(below(60)));
            break;
        default:
            host.boot();
        }
    }
    for (const char* job : {"backup", "verify"}) {
        auto planned = host.planned(job);
        EXPECT_GT(planned.size(), 20U);
        std::sort(planned.begin(), planned.end());
        EXPECT_EQ(std::adjacent_find(planned.begin(), planned.end()), planned.end()) << job;
    }
}

TEST(ScheduleMemoryTest, SurvivesItsJson) {
    ScheduleMemory memory;
    memory.jobs["backup"] = {.when = "0 3 * * *",
                             .spans = {{.first = utc(2026, 1, 1), .last = utc(2026, 2, 1)},
                                       {.first = utc(1970, 1, 1), .last = utc(1970, 1, 1)}},
                             .begun = {{.planned = utc(2026, 2, 2), .tries = 1}}};
    memory.jobs["verify"] = {.when = "@weekly", .spans = {}};
    EXPECT_EQ(parse_schedule_memory(to_json(memory)), memory);
    EXPECT_EQ(parse_schedule_memory(to_json({})), ScheduleMemory{});
}

TEST(ScheduleMemoryTest, RefusesWhatIsNone) {
    for (const char* text :
         {"", "[]", "{}", "{\"version\": 2, \"jobs\": {}}", "{\"version\": 1, \"jobs\": [1]}",
          R"({"version": 1, "jobs": {"a": {"when": 3, "done": []}}})",
          R"({"version": 1, "jobs": {"a": {"when": "x", "done": [[1]]}}})",
          R"({"version": 1, "jobs": {"a": {"when": "x", "done": [[2, 1]]}}})",
          R"({"version": 1, "jobs": {"a": {"when": "x", "done": [], "begun": [1]}}})",
          R"({"version": 1, "jobs": {"a": {"when": "x", "done": [[0, 9223372036854775807]]}}})"})
        EXPECT_THROW(static_cast<void>(parse_schedule_memory(text)), Error) << text;
}

} // namespace
} // namespace miraclemax::serve
