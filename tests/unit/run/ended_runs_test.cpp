#include "run/ended_runs.hpp"

#include "run/recording.hpp"
#include "run/status.hpp"
#include "unit/store/scratch.hpp"

#include <gmock/gmock.h>

namespace miraclemax::run {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class EndedRuns : public ::testing::Test {
protected:
    EndedRuns() {
        settings_.state = scratch_ / "state";
        status_.now = std::chrono::sys_days(std::chrono::October / 16 / 2025) + 12h;
    }
    void keep(const std::string& name, const std::string& kind, const std::string& began,
              const std::string& ended, int code = 0, bool planned = true, bool partial = false) {
        catalog::RunRecords(settings_.runs())
            .keep({.run = "20251016-010000-1-" + name,
                   .kind = kind,
                   .began = "2025-10-16T" + began + "Z",
                   .ended = ended.empty() ? "" : "2025-10-16T" + ended + "Z",
                   .planned = planned ? "2025-10-16T01:00:00Z" : "",
                   .id = {},
                   .code = code,
                   .message = {},
                   .components = {},
                   .partial = partial,
                   .unreleased = {}});
    }
    std::vector<std::string> names() {
        std::vector<std::string> all;
        for (const auto& each : ended_runs(settings_, status_))
            all.push_back(each.told.name.substr(18));
        return all;
    }

    test::Scratch scratch_;
    Settings settings_;
    telemetry::Status status_;
};

TEST_F(EndedRuns, AreInTheOrderOfTheirEnd) {
    EXPECT_THAT(names(), IsEmpty());
    keep("long", "backup", "01:00:00", "03:00:00", 1);
    keep("proof", "verify", "02:00:00", "02:10:00", 13);
    keep("lost", "backup", "02:30:00", "");
    keep("part", "backup", "02:40:00", "02:41:00", 0, false, true);
    keep("brought", "restore", "02:40:00", "02:41:00");
    EXPECT_THAT(names(), ElementsAre("proof", "lost-killed", "long"));
}

TEST_F(EndedRuns, ByHandOnlyAWholeProofThatSaysSomethingCounts) {
    keep("a-good", "verify", "01:00:00", "01:00:01", 0, false);
    keep("b-damaged", "verify", "01:00:00", "01:00:02", 13, false);
    keep("c-no-key", "verify", "01:00:00", "01:00:03", 8, false);
    keep("d-one-backup", "verify", "01:00:00", "01:00:04", 13, false, true);
    keep("e-killed", "verify", "01:00:00", "", 0, false);
    keep("f-planned-no-podman", "verify", "01:00:00", "01:00:05", 7);
    keep("g-planned-and-stopped", "verify", "01:00:00", "01:00:06", 12);
    EXPECT_THAT(names(), ElementsAre("a-good", "b-damaged", "f-planned-no-podman"));
}

TEST(RecordOfAProof, TellsEachFaultyComponentByItsNewestBackup) {
    Verified old{.examination = {.id = "20251015_030000",
                                 .manifest = {},
                                 .signer = {},
                                 .faults = {{.where = "a.tar.gz", .what = "is short", .component = "n8n"}}},
                 .components = {},
                 .rehearsals = {}};
    Verified fresh{.examination = {.id = "20251016_030000", .manifest = {}, .signer = {}, .faults = {}},
                   .components = {},
                   .rehearsals = {{.component = "n8n",
                                   .outcome = Outcome::bad,
                                   .trouble = "3 entries differ",
                                   .code = ExitCode::damaged,
                                   .found = {}},
                                  {.component = "web", .trouble = {}, .found = {}}}};
    catalog::RunRecord record;
    describe(record, VerifyResult{.backups = {old, fresh}, .warnings = {}});
    ASSERT_EQ(record.components.size(), 1U);
    EXPECT_EQ(record.components.front().name, "n8n");
    EXPECT_EQ(record.components.front().reason, "20251016_030000: 3 entries differ");
    EXPECT_EQ(record.message, "20251015_030000: a.tar.gz: is short");

    catalog::RunRecord none;
    describe(none, VerifyResult{});
    EXPECT_EQ(none.message, "there is no backup that could be verified");
}

TEST(Staleness, IsThatOfTheWholeAndOfEachComponent) {
    telemetry::Status status;
    status.now = std::chrono::sys_days(std::chrono::October / 16 / 2025);
    const auto stale = [&](std::chrono::seconds every = 24h) {
        std::vector<std::string> all;
        for (const auto& each :
             problems_of(status, {.host = {}, .expected_every = every, .socket_trouble = {}}))
            if (each.alert == "BackupStale")
                all.push_back(each.component.empty() ? "whole" : each.component);
        return all;
    };
    EXPECT_THAT(stale(), IsEmpty());
    status.runs.push_back({.at = status.now - 47h});
    EXPECT_THAT(stale(), IsEmpty()); // none was whole, and that is told as a failure
    status.runs.front().at = status.now - 49h;
    EXPECT_THAT(stale(), ElementsAre("whole"));
    status.last_success = status.now - 49h;
    EXPECT_THAT(stale(), ElementsAre("whole"));
    EXPECT_THAT(stale(7 * 24h), IsEmpty());
    status.last_success = status.now - 1h;
    telemetry::ComponentStatus component;
    component.name = "n8n";
    component.last_good = status.now - 49h;
    status.components.push_back(component);
    auto& n8n = status.components.front();
    EXPECT_THAT(stale(), IsEmpty()); // whole runs leave it out
    n8n.last_ok = false;
    EXPECT_THAT(stale(), ElementsAre("n8n"));
    n8n.last_ok = true;
    n8n.last_good = status.now - 9 * 24h;
    EXPECT_THAT(stale(), ElementsAre("n8n"));
    n8n.last_good = status.now - 39 * 24h;
    EXPECT_THAT(stale(), IsEmpty());
    // That no whole run comes any more makes the component no fresher.
    status.last_success = status.now - 60h;
    n8n.last_good = status.now - 60h - 9 * 24h;
    EXPECT_THAT(stale(), ElementsAre("whole", "n8n"));
    status.last_success = status.now - 60 * 24h;
    n8n.last_good = status.now - 69 * 24h;
    EXPECT_THAT(stale(), ElementsAre("whole", "n8n"));
    // No record of any run is left, and the backups are old.
    status.runs.clear();
    status.last_success.reset();
    n8n.last_good = status.now - 49h;
    EXPECT_THAT(stale(), ElementsAre("n8n"));
}

// The first backup hangs, or never comes.
TEST(Staleness, IsThatOfAFirstBackupToo) {
    telemetry::Status status;
    Standing standing;
    status.now = std::chrono::sys_days(std::chrono::October / 16 / 2025);
    const auto stale = [&] {
        for (const auto& each : problems_of(status, standing))
            if (each.alert == "BackupStale")
                return each.text;
        return std::string();
    };
    EXPECT_EQ(stale(), "");
    EXPECT_EQ(unhealthy(status, standing), "");
    status.first_record = status.now - 30h;
    EXPECT_EQ(unhealthy(status, standing), "");
    status.first_record = status.now - 49h; // going on still, or of another kind
    EXPECT_EQ(stale(), "there is no backup yet");
    EXPECT_EQ(unhealthy(status, standing), "there is no backup yet");
    status.first_record.reset();
    standing.since = status.now - 49h;
    EXPECT_EQ(stale(), "there is no backup yet");
    // By hand, of a single component: that is one.
    telemetry::ComponentStatus component;
    component.name = "n8n";
    component.last_good = status.now - 1h;
    status.components.push_back(component);
    EXPECT_EQ(stale(), "");
    EXPECT_EQ(unhealthy(status, standing), "");
    status.components.clear();
    status.tiers.push_back({.name = "local", .ok = false, .trouble = "it can't be read"});
    EXPECT_EQ(stale(), "");
}

} // namespace
} // namespace miraclemax::run
