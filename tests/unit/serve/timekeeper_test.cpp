#include "serve/timekeeper.hpp"

#include "unit/store/scratch.hpp"

#include <gtest/gtest.h>

namespace miraclemax::serve {
namespace {

using namespace std::chrono_literals;

class Keeping : public testing::Test {
protected:
    Keeping() { ::mkdir((scratch / "state").c_str(), 0700); }
    static Plans plans(const char* when) {
        return {.jobs = {{.name = "backup", .when = Cron::parse(when)}}, .catch_up = true, .seed = "host"};
    }
    Timekeeper keeper(const char* when = "0 * * * *") {
        return Timekeeper(scratch / "state" / "schedule.json", plans(when),
                          [this](const std::string& line) { said += line; });
    }
    int runs_at(Timekeeper& keeper, std::chrono::seconds since) {
        int runs = 0;
        keeper.round({.wall = begin + since, .steady = steady + since}, [&](const DueRun&) {
            ++runs;
            return came;
        });
        return runs;
    }
    test::Scratch scratch;
    std::string said;
    Came came = Came::ended;
    std::chrono::system_clock::time_point begin = std::chrono::sys_days(std::chrono::May / 3 / 2026) + 10min;
    std::chrono::steady_clock::time_point steady{1000h};
};

TEST_F(Keeping, EachPlannedTimeHasOneRunOverRestarts) {
    auto first = keeper();
    EXPECT_EQ(runs_at(first, 0s), 0);
    EXPECT_EQ(runs_at(first, 50min), 1);
    EXPECT_EQ(runs_at(first, 50min + 1s), 0);
    auto second = keeper();
    EXPECT_EQ(runs_at(second, 51min), 0);
    EXPECT_EQ(runs_at(second, 110min), 1);
}

TEST_F(Keeping, WhatWasMissedIsMadeUpForOnce) {
    auto first = keeper();
    runs_at(first, 0s);
    runs_at(first, 50min);
    auto later = keeper();
    EXPECT_EQ(runs_at(later, 7h), 1);
    EXPECT_EQ(runs_at(later, 7h + 1min), 0);
}

TEST_F(Keeping, OneThatWaitsIsTriedLessAndLessOften) {
    auto one = keeper();
    runs_at(one, 0s);
    came = Came::busy;
    EXPECT_EQ(runs_at(one, 50min), 1);
    EXPECT_EQ(runs_at(one, 50min + 1s), 0);
    EXPECT_EQ(runs_at(one, 50min + 2s), 1);
    EXPECT_EQ(runs_at(one, 50min + 5s), 0);
    EXPECT_EQ(runs_at(one, 50min + 6s), 1);
    int tries = 0;
    for (auto at = 51min; at < 61min; at += 1min)
        tries += runs_at(one, at);
    EXPECT_EQ(tries, 10);
    came = Came::ended;
    EXPECT_EQ(runs_at(one, 62min), 1);
    EXPECT_EQ(runs_at(one, 63min), 0);
    EXPECT_EQ(said, "");
}

TEST_F(Keeping, OneThatWaitsIsNotLostInARestart) {
    auto first = keeper();
    runs_at(first, 0s);
    came = Came::busy;
    for (int restarts = 0; restarts < 5; ++restarts) { // however often it comes
        auto one = keeper();
        EXPECT_EQ(runs_at(one, 50min + restarts * 10s), 1);
        EXPECT_EQ(runs_at(one, 50min + restarts * 10s + 3s), 1);
    }
    came = Came::ended;
    auto last = keeper();
    EXPECT_EQ(runs_at(last, 52min), 1);
    auto again = keeper();
    EXPECT_EQ(runs_at(again, 53min), 0);
}

TEST_F(Keeping, OneThatWasCutOffIsRepeatedOnce) {
    auto first = keeper();
    runs_at(first, 0s);
    came = Came::cut_off;
    EXPECT_EQ(runs_at(first, 50min), 1);
    auto second = keeper();
    EXPECT_EQ(runs_at(second, 52min), 1);
    auto third = keeper(); // else a run that brings the host down did so for ever
    EXPECT_EQ(runs_at(third, 54min), 0);
    came = Came::ended;
    EXPECT_EQ(runs_at(third, 110min), 1);
}

TEST_F(Keeping, OneWhoseHostLostPowerIsRepeatedOnce) {
    struct PowerCut {};
    for (const int expected : {1, 1, 0}) {
        auto one = keeper();
        runs_at(one, 0s);
        int runs = 0;
        try {
            one.round({.wall = begin + 52min, .steady = steady + 52min}, [&](const DueRun&) -> Came {
                ++runs;
                throw PowerCut{};
            });
        } catch (const PowerCut&) {
        }
        EXPECT_EQ(runs, expected);
    }
}

TEST_F(Keeping, OneThatWaitsGoesOnToWaitWithANewConfiguration) {
    auto one = keeper();
    runs_at(one, 0s);
    came = Came::busy;
    EXPECT_EQ(runs_at(one, 50min), 1);
    auto strict = plans("0 * * * *");
    strict.catch_up = false; // its time is long over
    runs_at(one, 65min);
    one.replace(strict);
    came = Came::ended;
    EXPECT_EQ(runs_at(one, 67min), 1);
    EXPECT_EQ(runs_at(one, 68min), 0);
}

TEST_F(Keeping, ARunThatCanNotStartIsToldAndNotRepeated) {
    auto one = keeper();
    runs_at(one, 0s);
    one.round({.wall = begin + 50min, .steady = steady + 50min},
              [](const DueRun&) -> Came { throw std::runtime_error("no fork"); });
    EXPECT_NE(said.find("no fork"), std::string::npos);
    EXPECT_EQ(runs_at(one, 51min), 0);
}

TEST_F(Keeping, OtherPlansTakeEffectAndAnUnreadableMemoryIsTold) {
    auto one = keeper();
    runs_at(one, 0s);
    one.replace(plans("*/5 * * * *"));
    runs_at(one, 1min);
    EXPECT_EQ(runs_at(one, 5min), 1);
    test::put(scratch / "state" / "schedule.json", "{nonsense");
    auto two = keeper();
    EXPECT_FALSE(said.empty());
    EXPECT_EQ(two.next_runs(real_time()).count("backup"), 1U);
}

TEST_F(Keeping, JobsSayHowTheyEndedAndTheirLastLines) {
    const auto program = scratch / "job";
    test::put(program, "#!/bin/sh\nfor i in $(seq 30); do echo line $i; done\necho trouble >&2\nexit 3\n");
    ::chmod(program.c_str(), 0700);
    const auto ended = run_job({program.string(), "backup"}, {}, 1s);
    EXPECT_EQ(ended.code, 3);
    ASSERT_EQ(ended.last_lines.size(), 20U);
    EXPECT_EQ(ended.last_lines.back(), "trouble");

    std::stop_source stop;
    stop.request_stop();
    test::put(program, "#!/bin/sh\ntrap 'exit 12' TERM\nsleep 60 & wait\n");
    const auto stopped = run_job({program.string()}, stop.get_token(), 20s);
    EXPECT_TRUE(stopped.code == 12 || stopped.code == 143) << stopped.code;
    EXPECT_THROW(run_job({(scratch / "none").string()}, {}, 1s), std::exception);
}

} // namespace
} // namespace miraclemax::serve
