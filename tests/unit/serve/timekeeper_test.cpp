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
        keeper.round({.wall = begin + since, .steady = steady + since}, [&](const DueRun&) { ++runs; });
        return runs;
    }
    test::Scratch scratch;
    std::string said;
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

TEST_F(Keeping, ARunThatCanNotStartIsToldAndNotRepeated) {
    auto one = keeper();
    runs_at(one, 0s);
    one.round({.wall = begin + 50min, .steady = steady + 50min},
              [](const DueRun&) { throw std::runtime_error("no fork"); });
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
    EXPECT_EQ(two.next_runs().count("backup"), 1U);
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
