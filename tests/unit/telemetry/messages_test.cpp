#include "telemetry/notifications.hpp"

#include "error.hpp"
#include "unit/catalog/zone.hpp"
#include "unit/telemetry/sample_message.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace miraclemax::telemetry {
namespace {

using namespace miraclemax::telemetry::testing;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

// In Berlin, where 2025-10-16 01:00 UTC is 03:00.
class MessagesTest : public ::testing::Test {
protected:
    MessagesTest() {
        said_.last_digest_week = "2025-W42"; // no digest, but where a test wants one
        status_.now = at(thursday);
        status_.host = "nas";
        status_.instance = "miraclemax";
        status_.last_success = at(thursday - 86'400);
        for (const char* name : {"n8n", "grafana"}) {
            ComponentStatus component;
            component.name = name;
            component.last_good = at(thursday - 86'400);
            component.last_good_id = "20251015_030000";
            status_.components.push_back(component);
        }
    }
    EndedRun run(const std::string& id, std::vector<std::string> failed, const std::string& message = "",
                 const std::string& kind = "backup") {
        EndedRun ended{.name = id, .kind = kind, .run = {}, .failed = {}, .last_success = {}, .log = {}};
        ended.run.id = id;
        ended.run.published = kind == "backup";
        ended.run.ok = failed.empty() && message.empty();
        ended.run.code = ended.run.ok ? 0 : 3;
        ended.run.message = message;
        ended.run.began = at(thursday);
        ended.run.ended = at(thursday + 75);
        ended.last_success = status_.last_success;
        for (const auto& name : failed)
            ended.failed.push_back({.name = name,
                                    .reason = kind == "verify" ? "20251015_030000: damaged" : "can't pause",
                                    .last_good = at(thursday - 86'400),
                                    .last_good_id = "20251015_030000"});
        return ended;
    }
    std::vector<Message> say(std::vector<EndedRun> runs = {}, const std::string& runbook = "") {
        return messages_for({.status = status_, .runs = std::move(runs), .stale = stale_, .runbook = runbook},
                            said_);
    }
    Message only(const std::vector<Message>& messages) {
        EXPECT_THAT(messages, SizeIs(1));
        return messages.empty() ? Message{} : messages.front();
    }

    test::Zone zone_{"Europe/Berlin"};
    Status status_;
    Said said_;
    std::vector<Stale> stale_;
};

TEST_F(MessagesTest, AFailureHasItsFacts) {
    auto run = this->run("20251016_030000", {"n8n"}, "1 component failed");
    for (int i = 1; i <= 25; ++i)
        run.log += "line " + std::to_string(i) + (i == 25 ? "\x1b[2J" : "") + "\n";
    const auto message = only(say({run}, "https://runbook.example/r"));
    EXPECT_EQ(message.occasion, Occasion::failure);
    EXPECT_EQ(message.id, "20251016_030000-failure");
    EXPECT_EQ(message.at, at(thursday + 75));
    EXPECT_EQ(message.subject, "[miraclemax] backup of nas failed: n8n: can't pause");
    EXPECT_EQ(message.component, "n8n");
    EXPECT_EQ(message.alert, "BackupFailed");
    EXPECT_EQ(message.severity, Severity::critical);
    EXPECT_EQ(message.instance, "nas");
    EXPECT_THAT(message.firing, ElementsAre("n8n"));
    EXPECT_EQ(message.runbook_url, "https://runbook.example/r#backupfailed");
    for (const char* part :
         {"Reason: 1 component failed (exit code 3)", "Ended:  16 Oct 2025, 03:01 CEST",
          "- n8n: can't pause\n  last good backup: 15 Oct 2025, 03:00 CEST (20251015_030000)",
          "What to do: https://runbook.example/r#backupfailed", "\n  line 6\n", "\n  line 25\\x1b[2J\n",
          "Last backup that was whole: 15 Oct 2025, 03:00 CEST", "miraclemax show 20251016_030000"})
        EXPECT_THAT(message.text, HasSubstr(part));
    EXPECT_THAT(message.text, Not(HasSubstr("  line 5\n")));
    EXPECT_THAT(message.text, Not(HasSubstr("grafana")));
}

TEST_F(MessagesTest, ARunThatFailedAsAWholeSaysSo) {
    auto first = run("r1", {}, "podman's socket can't be reached\nforged: line");
    first.last_success.reset();
    const auto message = only(say({first}));
    EXPECT_EQ(message.subject,
              "[miraclemax] backup of nas failed: podman's socket can't be reached\\x0aforged: line");
    EXPECT_THAT(message.firing, ElementsAre(""));
    EXPECT_EQ(message.component, "");
    EXPECT_EQ(message.runbook_url, "");
    EXPECT_THAT(message.text, HasSubstr("compose/monitoring/runbook.md, \"BackupFailed\""));
    EXPECT_THAT(message.text, HasSubstr("Last backup that was whole: none yet"));
    EXPECT_THAT(message.text, Not(HasSubstr("last lines")));
    auto second = run("r2", {});
    second.run.ok = false;
    second.run.killed = true;
    status_.unreleased = {"web"};
    const auto killed = only(say({second}));
    EXPECT_THAT(killed.subject, HasSubstr("was killed"));
    EXPECT_THAT(killed.text, HasSubstr("Containers that are not as they were:\n- web\n"));
}

TEST_F(MessagesTest, HowBadItIsAndWhereToReadGoWithTheOccasion) {
    const auto expect = [&](const Message& message, const std::string& alert, Severity severity,
                            const std::string& runbook) {
        EXPECT_EQ(message.alert, alert) << message.id;
        EXPECT_EQ(message.severity, severity) << message.id;
        EXPECT_EQ(message.runbook_url, runbook) << message.id;
        EXPECT_THAT(message.subject, ::testing::StartsWith("[miraclemax] ")) << message.id;
    };
    const std::string base = "https://runbook.example/r";
    expect(only(say({run("r1", {})}, base)), "BackupFailed", Severity::warning, "");
    expect(only(say({run("r2", {"n8n"})}, base)), "BackupFailed", Severity::critical, base + "#backupfailed");
    expect(only(say({run("r3", {})}, base)), "BackupFailed", Severity::critical, "");
    expect(only(say({run("v1", {"n8n"}, "", "verify")}, base)), "NotVerified", Severity::critical,
           base + "#notverified");
    expect(only(say({run("v2", {}, "", "verify")}, base)), "NotVerified", Severity::critical, "");
    expect(only(say({run("c1", {}, "no tier", "replicate")}, base)), "TierLagging", Severity::warning,
           base + "#tierlagging");
    expect(only(say({run("c2", {}, "", "replicate")}, base)), "TierLagging", Severity::warning, "");
    stale_ = {{.component = "", .text = "the last one is 3 days old", .last_good = at(thursday - 86'400)}};
    expect(only(say({}, base)), "BackupStale", Severity::warning, base + "#backupstale");
    stale_.clear();
    status_.last_success = at(thursday);
    expect(only(say({}, base)), "BackupStale", Severity::warning, "");
    status_.now = at(1'760'940'000); // a Monday
    expect(only(say({}, base)), "BackupFailed", Severity::warning, "");
}

TEST_F(MessagesTest, AStoryOfFailuresAndTheirEnd) {
    EXPECT_EQ(only(say({run("r1", {})})).occasion, Occasion::success);
    EXPECT_THAT(say(), IsEmpty());
    EXPECT_EQ(only(say({run("r2", {"n8n"})})).occasion, Occasion::failure);
    const auto both = only(say({run("r3", {"n8n", "grafana"})}));
    EXPECT_THAT(both.firing, ElementsAre("n8n", "grafana"));
    EXPECT_EQ(both.component, "");
    EXPECT_EQ(both.subject, "[miraclemax] backup of nas failed: n8n, grafana");
    const auto one = only(say({run("r4", {"grafana"})}));
    EXPECT_THAT(one.firing, ElementsAre("grafana"));
    EXPECT_THAT(one.ended, ElementsAre("n8n"));
    said_ = parse_said(to_json(said_)); // a restart
    const auto recovery = only(say({run("r5", {})}));
    EXPECT_EQ(recovery.occasion, Occasion::recovery);
    EXPECT_EQ(recovery.id, "r5-recovery");
    EXPECT_EQ(recovery.severity, Severity::critical);
    EXPECT_THAT(recovery.ended, ElementsAre("grafana"));
    EXPECT_THAT(recovery.firing, IsEmpty());
    EXPECT_THAT(recovery.text, HasSubstr("Had failed: grafana"));
    EXPECT_EQ(only(say({run("r6", {})})).occasion, Occasion::success);
    EXPECT_THAT(said_.told, ElementsAre("r1", "r2", "r3", "r4", "r5", "r6"));
}

TEST_F(MessagesTest, RunsThatEndedTogetherAreToldEachInTheirOrder) {
    const auto messages = say({run("r1", {"n8n"}), run("r2", {})});
    ASSERT_THAT(messages, SizeIs(2));
    EXPECT_EQ(messages[0].id, "r1-failure");
    EXPECT_EQ(messages[1].id, "r2-recovery");
}

TEST_F(MessagesTest, AProofHasItsOwnWordsAndItsOwnEnd) {
    EXPECT_THAT(say({run("v1", {}, "", "verify")}), IsEmpty());
    auto bad = run("v2", {"n8n"}, "20251015_030000: damaged", "verify");
    bad.run.code = 13;
    const auto failure = only(say({bad}, "https://runbook.example/r"));
    EXPECT_EQ(failure.subject, "[miraclemax] verify of nas failed: n8n: 20251015_030000: damaged");
    EXPECT_EQ(failure.alert, "NotVerified");
    EXPECT_EQ(failure.component, "n8n");
    EXPECT_EQ(failure.runbook_url, "https://runbook.example/r#notverified");
    for (const char* part :
         {"The verify v2 of nas failed.", "(exit code 13)", "Last verify that was good: 15 Oct 2025, 03:00",
          "What to do: https://runbook.example/r#notverified", "`miraclemax backup --component n8n`"})
        EXPECT_THAT(failure.text, HasSubstr(part));
    EXPECT_EQ(only(say({run("r1", {})})).occasion, Occasion::success); // a backup ends no proof's alert
    const auto recovery = only(say({run("v3", {}, "", "verify")}));
    EXPECT_EQ(recovery.subject, "[miraclemax] verify of nas is good again");
    EXPECT_EQ(recovery.alert, "NotVerified");
    EXPECT_THAT(recovery.ended, ElementsAre("n8n"));
    EXPECT_THAT(recovery.text, Not(HasSubstr("Stored:")));
}

TEST_F(MessagesTest, WhatIsStaleIsToldOnceAndWhenItIsFreshAgain) {
    stale_ = {{.component = "", .text = "the last one is 3 days old", .last_good = at(thursday - 86'400)}};
    const auto stale = only(say());
    EXPECT_EQ(stale.occasion, Occasion::failure);
    EXPECT_EQ(stale.subject, "[miraclemax] backup of nas is stale: the last one is 3 days old");
    EXPECT_EQ(stale.alert, "BackupStale");
    EXPECT_EQ(stale.severity, Severity::warning);
    EXPECT_THAT(stale.firing, ElementsAre(""));
    EXPECT_THAT(stale.text, HasSubstr("- n8n: last good backup: 15 Oct 2025, 03:00 CEST (20251015_030000)"));
    EXPECT_THAT(stale.text, HasSubstr("Next planned backup: none"));
    said_ = parse_said(to_json(said_));
    EXPECT_THAT(say(), IsEmpty());
    stale_.push_back({.component = "n8n", .text = "n8n is old", .last_good = at(thursday - 86'400)});
    EXPECT_THAT(only(say()).firing, ElementsAre("", "n8n"));
    stale_.pop_back();
    status_.components.front().last_good = at(thursday);
    EXPECT_EQ(only(say()).subject, "[miraclemax] backup of nas is no longer stale: n8n");
    stale_.clear();
    status_.last_success = at(thursday);
    const auto fresh = only(say());
    EXPECT_EQ(fresh.occasion, Occasion::recovery);
    EXPECT_EQ(fresh.subject, "[miraclemax] backup of nas is no longer stale");
    EXPECT_THAT(fresh.ended, ElementsAre(""));
    EXPECT_THAT(say(), IsEmpty());
    // One that is merely no longer looked for is not said to be fresh.
    stale_ = {{.component = "n8n", .text = "n8n is old", .last_good = at(thursday)}};
    EXPECT_THAT(say(), SizeIs(1));
    stale_.clear();
    said_ = parse_said(to_json(said_));
    EXPECT_THAT(say(), IsEmpty());
}

// A second one of the same id would not be queued.
TEST_F(MessagesTest, EachTimeThatThereIsNoBackupIsToldAnew) {
    stale_ = {{.component = "", .text = "there is no backup yet", .last_good = {}}};
    const auto first = only(say());
    EXPECT_EQ(only(messages_for({.status = status_, .runs = {}, .stale = stale_, .runbook = {}},
                                *std::make_unique<Said>(Said{.last_digest_week = "2025-W42"})))
                  .id,
              first.id); // over a crash it is the same
    stale_.clear();
    status_.last_success.reset();
    EXPECT_THAT(say(), IsEmpty());
    stale_ = {{.component = "", .text = "there is no backup yet", .last_good = {}}};
    status_.now += std::chrono::hours(24);
    EXPECT_NE(only(say()).id, first.id);
}

TEST_F(MessagesTest, ADigestComesOnceAWeek) {
    // Monday 2025-10-20 06:00 UTC is 8:00 in Berlin.
    constexpr std::int64_t monday = 1'760'940'000;
    said_.last_digest_week = "2025-W42";
    status_.now = at(monday - 1);
    EXPECT_THAT(say(), IsEmpty());
    status_.now = at(monday);
    status_.week = {.runs = 7, .whole = 6, .stored = 7168};
    status_.problems = {
        {.severity = Severity::warning, .alert = "KeyExpiring", .component = "", .text = "a key expires"}};
    const auto digest = only(say());
    EXPECT_EQ(digest.occasion, Occasion::digest);
    EXPECT_EQ(digest.id, "2025-W43-digest");
    EXPECT_EQ(digest.subject, "[miraclemax] the week of nas: 6 of 7 backups are whole, 1 problem");
    EXPECT_THAT(digest.text, HasSubstr("7.0 KiB stored"));
    EXPECT_THAT(digest.text, HasSubstr("- a key expires\n"));
    EXPECT_THAT(digest.text, HasSubstr("- n8n: last good 5 days ago, proven never"));
    EXPECT_THAT(say(), IsEmpty());
    status_.now = at(monday + 6 * 86'400);
    EXPECT_THAT(say(), IsEmpty());
    status_.now = at(monday + 9 * 86'400); // off on Monday: as soon as it is up
    EXPECT_EQ(only(say()).id, "2025-W44-digest");
    status_.now = at(monday + 63 * 86'400 + 3600);
    EXPECT_EQ(only(say()).id, "2025-W52-digest");
    status_.now =
        at(monday + 70 * 86'400 + 3600); // ISO 8601: 29 December is in the first week of the next year
    EXPECT_EQ(only(say()).id, "2026-W01-digest");
}

TEST_F(MessagesTest, TheFirstDigestWaitsForAMondayAndAClockPutBackForTheNext) {
    said_.last_digest_week.clear();
    status_.now = at(thursday);
    EXPECT_THAT(say(), IsEmpty());
    status_.now = at(thursday + 4 * 86'400 + 6 * 3600);
    EXPECT_THAT(say(), SizeIs(1));
    said_.last_digest_week = "2099-W01";
    EXPECT_THAT(say(), IsEmpty());
    status_.now += std::chrono::hours(7 * 24);
    EXPECT_THAT(say(), SizeIs(1));
}

TEST_F(MessagesTest, InstancesAreToldApart) {
    status_.instance = "second";
    EXPECT_EQ(only(say({run("r1", {"n8n"})})).instance, "nas/second");
    said_ = {};
    said_.last_digest_week = "2025-W42";
    status_.host.clear();
    EXPECT_EQ(only(say({run("r1", {"n8n"})})).instance, "second");
}

TEST(Said, DamagedMemoryIsAnError) {
    EXPECT_THROW((void)parse_said("{"), Error);
    EXPECT_THROW((void)parse_said("{\"version\": 2}"), Error);
    const Said said{.begun = true,
                    .since = at(thursday),
                    .told = {"r"},
                    .backup = {.failing = true, .firing = {"a", ""}},
                    .verify = {.failing = true, .firing = {"b"}},
                    .stale = {"", "c"},
                    .stale_good = {{"c", at(thursday)}},
                    .last_digest_week = "w"};
    EXPECT_EQ(parse_said(to_json(said)), said);
}

} // namespace
} // namespace miraclemax::telemetry
