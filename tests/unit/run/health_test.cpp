// Whether what was started comes up well, where podman's timers run health checks and where they don't.
#include "run/health.hpp"

#include "error.hpp"
#include "fakes/fake_engine.hpp"

#include <gmock/gmock.h>

#include <atomic>

namespace miraclemax::run {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::Contains;
using testing::HasSubstr;
using testing::Not;

class Waiting : public testing::Test {
protected:
    void add(const std::string& name, podman::HealthCheck check) {
        engine.add_container({.name = name, .health = "starting", .health_check = std::move(check)});
    }
    // As podman counts, at each run of the check.
    void fails_until(int times) {
        engine.on_call([this, times](auto moment, const std::string& call, const std::string& name) {
            if (call != "run_health_check" || moment != fakes::FakeEngine::Moment::after)
                return;
            const int run = ++runs;
            engine.change(name, [&](podman::Container& container) {
                container.health_check.last_run = "run " + std::to_string(run);
                if (run > times) {
                    container.health = "healthy";
                    container.health_check.failing = 0;
                } else if (++container.health_check.failing >= container.health_check.retries) {
                    container.health = "unhealthy";
                }
            });
        });
    }
    std::vector<Health> wait(const std::vector<std::string>& names, milliseconds patience) {
        return await_health(engine, names, milliseconds(0), patience, stop.get_token());
    }

    fakes::FakeEngine engine;
    std::stop_source stop;
    std::atomic<int> runs = 0;
};

TEST_F(Waiting, AHealthCheckThatNobodyElseRunsIsRun) {
    for (const auto* name : {"one", "two"})
        add(name, {.interval = milliseconds(1), .retries = 3});
    engine.add_container({.name = "without"});
    fails_until(1);
    const auto health = wait({"one", "without", "two"}, seconds(60));
    ASSERT_EQ(health.size(), 3U);
    EXPECT_EQ(health[0].container + " " + health[0].what, "one healthy");
    EXPECT_EQ(health[1].container + " " + health[1].what, "without running");
    EXPECT_EQ(health[2].container + " " + health[2].what, "two healthy");
}

TEST_F(Waiting, AsManyFailuresAsItTakesAreUnhealthy) {
    add("app", {.interval = milliseconds(1), .retries = 2});
    engine.set_logs("app", "the data is bad");
    fails_until(100);
    const auto health = wait({"app"}, seconds(60));
    EXPECT_FALSE(health.at(0).good);
    EXPECT_EQ(health.at(0).what, "unhealthy");
    EXPECT_EQ(health.at(0).last_log, "the data is bad");
    EXPECT_EQ(runs, 2);
}

// At its own interval the second failure would come in an hour.
TEST_F(Waiting, ASlowCheckIsNotMadeUnhealthyByAskingOften) {
    add("app", {.interval = hours(1), .retries = 2});
    add("period", {.interval = milliseconds(1), .start_period = hours(1), .retries = 1});
    fails_until(100);
    for (const auto& each : wait({"app", "period"}, seconds(8))) {
        EXPECT_FALSE(each.good);
        EXPECT_EQ(each.what, "its health check still says \"starting\"");
    }
    EXPECT_EQ(runs, 1);
}

TEST_F(Waiting, WherePodmansTimerRunsTheCheckItIsLeftToIt) {
    add("app", {.interval = seconds(30)});
    engine.change("app", [](podman::Container& container) {
        container.started_at = "2026-01-01T00:00:00.1Z";
        container.health_check.last_run = "2026-01-01T00:00:00.5Z";
    });
    EXPECT_THAT(wait({"app"}, seconds(2)).at(0).what, HasSubstr("starting"));
    EXPECT_THAT(engine.calls(), Not(Contains(HasSubstr("run_health_check"))));
    // Its last run is from before the start: nobody runs it.
    engine.change("app",
                  [](podman::Container& container) { container.started_at = "2026-01-01T00:00:00.7Z"; });
    fails_until(0);
    EXPECT_EQ(wait({"app"}, seconds(60)).at(0).what, "healthy");
}

TEST_F(Waiting, WhereItMayNotBeRunPodmansWordCounts) {
    add("app", {.interval = milliseconds(1), .timeout = milliseconds(1)});
    engine.fail_next("run_health_check", "app", Error(ExitCode::podman, "podman refused: status 403"), 100);
    const auto health = wait({"app"}, milliseconds(1500));
    EXPECT_THAT(health.at(0).what, HasSubstr("starting"));
    EXPECT_THAT(health.at(0).what, HasSubstr("403"));
    engine.on_call([this](auto moment, const std::string& call, const std::string&) {
        if (call == "run_health_check" && moment == fakes::FakeEngine::Moment::before)
            engine.change("app", [](podman::Container& container) { container.health = "healthy"; });
    });
    EXPECT_EQ(wait({"app"}, seconds(60)).at(0).what, "healthy");
}

TEST_F(Waiting, AStopEndsIt) {
    add("app", {});
    stop.request_stop();
    EXPECT_THAT(wait({"app"}, seconds(60)).at(0).what, HasSubstr("interrupted"));
}

} // namespace
} // namespace miraclemax::run
