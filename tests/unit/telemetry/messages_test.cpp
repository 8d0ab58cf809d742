#include "telemetry/notifications.hpp"

#include "error.hpp"
#include "unit/telemetry/sample_message.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ctime>

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
        if (const char* zone = std::getenv("TZ"))
            before_ = zone;
        ::setenv("TZ", "Europe/Berlin", 1);
        ::tzset();
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
    ~MessagesTest() override {
        before_.empty() ? ::unsetenv("TZ") : ::setenv("TZ", before_.c_str(), 1);
        ::tzset();
    }
    void run(const std::string& id, std::vector<std::string> failed, const std::string& message = "") {
        RunStatus last;
        last.id = id;
        last.ok = failed.empty() && message.empty();
        last.code = last.ok ? 0 : 3;
        last.message = message;
        last.began = at(thursday);
        last.ended = at(thursday + 75);
        status_.last_run = last;
        for (auto& component : status_.components) {
            component.last_ok = std::find(failed.begin(), failed.end(), component.name) == failed.end();
            component.reason = component.last_ok ? "" : "can't pause";
        }
    }
    std::vector<Message> say(const std::string& log = "", const std::string& runbook = "") {
        return messages_for(status_, log, runbook, said_);
    }
    Message only(const std::vector<Message>& messages) {
        EXPECT_THAT(messages, SizeIs(1));
        return messages.empty() ? Message{} : messages.front();
    }

    Status status_;
    Said said_;
    std::string before_;
};

TEST_F(MessagesTest, AFailureHasItsFacts) {
    run("20251016_030000", {"n8n"}, "1 component failed");
    std::string log;
    for (int i = 1; i <= 25; ++i)
        log += "line " + std::to_string(i) + (i == 25 ? "\x1b[2J" : "") + "\n";
    const auto message = only(say(log, "https://runbook.example/r"));
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
    run("r1", {}, "podman's socket can't be reached\nforged: line");
    status_.last_success.reset();
    const auto message = only(say());
    EXPECT_EQ(message.subject,
              "[miraclemax] backup of nas failed: podman's socket can't be reached\\x0aforged: line");
    EXPECT_THAT(message.firing, ElementsAre(""));
    EXPECT_EQ(message.component, "");
    EXPECT_EQ(message.runbook_url, "");
    EXPECT_THAT(message.text, HasSubstr("compose/monitoring/runbook.md, \"BackupFailed\""));
    EXPECT_THAT(message.text, HasSubstr("Last backup that was whole: none yet"));
    EXPECT_THAT(message.text, Not(HasSubstr("last lines")));
    run("r2", {});
    status_.last_run->ok = false;
    status_.last_run->killed = true;
    status_.unreleased = {"web"};
    const auto killed = only(say());
    EXPECT_THAT(killed.subject, HasSubstr("was killed"));
    EXPECT_THAT(killed.text, HasSubstr("Containers that are not as they were:\n- web\n"));
}

TEST_F(MessagesTest, AStoryOfFailuresAndTheirEnd) {
    run("r1", {});
    EXPECT_EQ(only(say()).occasion, Occasion::success);
    EXPECT_THAT(say(), IsEmpty()); // the same run again
    run("r2", {"n8n"});
    EXPECT_EQ(only(say()).occasion, Occasion::failure);
    EXPECT_THAT(say(), IsEmpty());
    run("r3", {"n8n", "grafana"});
    const auto both = only(say());
    EXPECT_THAT(both.firing, ElementsAre("n8n", "grafana"));
    EXPECT_EQ(both.component, "");
    EXPECT_EQ(both.subject, "[miraclemax] backup of nas failed: n8n, grafana");
    run("r4", {"grafana"});
    const auto one = only(say());
    EXPECT_THAT(one.firing, ElementsAre("grafana"));
    EXPECT_THAT(one.ended, ElementsAre("n8n"));
    said_ = parse_said(to_json(said_)); // a restart
    run("r5", {});
    const auto recovery = only(say());
    EXPECT_EQ(recovery.occasion, Occasion::recovery);
    EXPECT_EQ(recovery.id, "r5-recovery");
    EXPECT_EQ(recovery.severity, Severity::critical);
    EXPECT_THAT(recovery.ended, ElementsAre("grafana"));
    EXPECT_THAT(recovery.firing, IsEmpty());
    EXPECT_THAT(recovery.text, HasSubstr("Had failed: grafana"));
    run("r6", {});
    EXPECT_EQ(only(say()).occasion, Occasion::success);
}

TEST_F(MessagesTest, ADigestComesOnceAWeek) {
    // Monday 2025-10-20 06:00 UTC is 8:00 in Berlin.
    constexpr std::int64_t monday = 1'760'940'000;
    said_.last_digest_week = "2025-W42";
    status_.now = at(monday - 1);
    EXPECT_THAT(say(), IsEmpty());
    status_.now = at(monday);
    run("r1", {});
    said_.last_run = "r1";
    for (int day = 1; day <= 8; ++day)
        status_.runs.push_back({.at = at(monday - day * 86'400 + 60), .ok = day != 3, .stored = 1024});
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
    run("r1", {"n8n"});
    status_.instance = "second";
    EXPECT_EQ(only(say()).instance, "nas/second");
    said_ = {};
    said_.last_digest_week = "2025-W42";
    status_.host.clear();
    EXPECT_EQ(only(say()).instance, "second");
}

TEST(Said, DamagedMemoryIsAnError) {
    EXPECT_THROW((void)parse_said("{"), Error);
    EXPECT_THROW((void)parse_said("{\"version\": 2}"), Error);
    const Said said{.failing = true, .last_run = "r", .last_digest_week = "w", .firing = {"a", ""}};
    EXPECT_EQ(parse_said(to_json(said)), said);
}

} // namespace
} // namespace miraclemax::telemetry
