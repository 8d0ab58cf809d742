#include "run/status.hpp"

#include "error.hpp"
#include "run/recording.hpp"
#include "unit/run/house.hpp"

#include <gmock/gmock.h>

namespace miraclemax::run {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;

class HowItIs : public House {
protected:
    HowItIs() { add("data", "app"); }
    ExitCode recorded_backup() {
        return recorded(
            settings, "backup", "", [](const std::string&) {},
            [&](catalog::RunRecord& record) {
                const auto result = back_up();
                describe(record, result);
                return result.code;
            });
    }
    telemetry::Status status(std::chrono::hours later = std::chrono::hours(0)) {
        return status_of(settings, standing, {}, std::chrono::system_clock::now() + later);
    }
    static std::vector<std::string> alerts(const telemetry::Status& status) {
        std::vector<std::string> names;
        for (const auto& each : status.problems)
            names.push_back(each.alert);
        return names;
    }
    Standing standing;
};

TEST_F(HowItIs, NothingYetIsNoProblem) {
    const auto now = status();
    EXPECT_FALSE(now.last_run);
    EXPECT_THAT(now.problems, IsEmpty());
    EXPECT_EQ(unhealthy(now, standing), "");
}

TEST_F(HowItIs, AGoodRunShowsEverywhere) {
    EXPECT_EQ(recorded_backup(), ExitCode::ok);
    const auto now = status();
    ASSERT_TRUE(now.last_run && now.last_success);
    EXPECT_TRUE(now.last_run->ok);
    EXPECT_EQ(now.runs.size(), 1U);
    EXPECT_GT(now.last_run->stored, 0U);
    ASSERT_EQ(now.components.size(), 1U);
    EXPECT_EQ(now.components[0].name, "data");
    EXPECT_TRUE(now.components[0].last_ok && now.components[0].last_good);
    EXPECT_EQ(now.components[0].history.size(), 1U);
    ASSERT_EQ(now.tiers.size(), 1U);
    EXPECT_EQ(now.tiers[0].backups, 1U);
    EXPECT_THAT(now.problems, IsEmpty());
    EXPECT_EQ(unhealthy(now, standing), "");
}

TEST_F(HowItIs, AFailureIsCriticalAndTheLastGoodStays) {
    recorded_backup();
    engine.fail_next("pause", "app", Error(ExitCode::podman, "no"), 9);
    engine.fail_next("stop", "app", Error(ExitCode::podman, "no"), 9);
    EXPECT_NE(recorded_backup(), ExitCode::ok);
    const auto now = status();
    EXPECT_FALSE(now.last_run->ok);
    EXPECT_FALSE(now.components[0].last_ok);
    EXPECT_TRUE(now.components[0].last_good);
    EXPECT_TRUE(now.last_success);
    EXPECT_THAT(alerts(now), Contains("BackupFailed"));
}

TEST_F(HowItIs, TimeMakesItStaleAndRed) {
    recorded_backup();
    EXPECT_THAT(status(std::chrono::hours(30)).problems, IsEmpty());
    const auto later = status(std::chrono::hours(60));
    EXPECT_THAT(alerts(later), ElementsAre("BackupStale"));
    EXPECT_NE(unhealthy(later, standing), "");
}

TEST_F(HowItIs, AKilledRunIsNoSuccess) {
    catalog::RunRecords(settings.runs()).keep({.run = "20200101-000000-1-000000", .kind = "backup", .began = "2020-01-01T00:00:00Z"});
    const auto now = status();
    ASSERT_TRUE(now.last_run);
    EXPECT_TRUE(now.last_run->killed);
    EXPECT_FALSE(now.last_run->ok);
    EXPECT_THAT(alerts(now), Contains("BackupFailed"));
}

TEST_F(HowItIs, TheSocketAndContainersMakeItRed) {
    standing.socket_ok = false;
    EXPECT_NE(unhealthy(status(), standing), "");
    standing.socket_ok = true;
    catalog::RunRecords(settings.runs())
        .keep({.run = "a", .kind = "backup", .began = "2026-01-01T00:00:00Z", .ended = "2026-01-01T00:00:01Z",
               .code = 10, .unreleased = {"app is not back"}});
    EXPECT_EQ(unhealthy(status(), standing), "app is not back");
    EXPECT_THAT(alerts(status()), Contains("ContainerNotBack"));
}

TEST_F(HowItIs, BusyAndWrongUsageLeaveNoRecord) {
    for (const auto code : {ExitCode::busy, ExitCode::usage})
        EXPECT_THROW(recorded(
                         settings, "backup", "", [](const std::string&) {},
                         [&](catalog::RunRecord&) -> ExitCode { throw Error(code, "no"); }),
                     Error);
    std::filesystem::create_directories(settings.state);
    EXPECT_TRUE(catalog::RunRecords(settings.runs()).all().empty());
    EXPECT_THROW(recorded(
                     settings, "backup", "2026-01-01T03:00:00Z", [](const std::string&) {},
                     [&](catalog::RunRecord&) -> ExitCode { throw Error(ExitCode::podman, "gone"); }),
                 Error);
    const auto all = catalog::RunRecords(settings.runs()).all();
    ASSERT_EQ(all.size(), 1U);
    EXPECT_EQ(all[0].code, 7);
    EXPECT_EQ(all[0].message, "gone");
    EXPECT_EQ(all[0].planned, "2026-01-01T03:00:00Z");
}

} // namespace
} // namespace miraclemax::run
