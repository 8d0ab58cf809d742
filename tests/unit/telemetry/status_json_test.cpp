#include "telemetry/status_json.hpp"

#include "unit/telemetry/sample.hpp"

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

namespace miraclemax::telemetry {
namespace {

using Json = nlohmann::json;

TEST(StatusJson, HasEveryFieldOfASmallStatus) {
    Status status;
    status.now = utc(2025, 10, 16, 7) + std::chrono::milliseconds(999);
    status.version = "1.2";
    status.instance = "main";
    status.host = "atlas";
    status.last_run = RunStatus{.id = "20251016_030000",
                                .ok = false,
                                .killed = true,
                                .code = 3,
                                .message = "why",
                                .began = utc(2025, 10, 16, 1),
                                .ended = utc(2025, 10, 16, 1, 1),
                                .stored = 5};
    status.runs = {{.at = utc(2025, 10, 16, 1), .ok = false, .stored = 5, .freeze_milliseconds = 7}};
    status.durations_milliseconds = {60'000};
    status.components = {{.name = "n8n",
                          .category = "databases",
                          .priority = "critical",
                          .last_ok = false,
                          .reason = "gone",
                          .last_good = utc(2025, 10, 15, 1),
                          .last_good_id = "20251015_030000",
                          .verified = std::nullopt,
                          .verify_trouble = "no key",
                          .restored = utc(2025, 10, 1),
                          .stored = 1,
                          .bytes = 2,
                          .files = 3,
                          .skipped = 4,
                          .changed = 5,
                          .freeze_milliseconds = 6,
                          .history = {}}};
    status.tiers = {
        {.name = "local", .backups = 1, .stored = 2, .free_bytes = 3, .days_until_full = 1.5, .trouble = ""}};
    status.keys = {
        {.fingerprint = "AB", .owner = "me", .expires = utc(2026, 1, 1), .ok = false, .trouble = "old"}};
    status.unreleased = {"web"};
    status.next_runs = {{"backup", utc(2025, 10, 17, 1)}};
    status.notifications = {.sent = 1, .failed = 2, .waiting = 3};
    status.problems = {
        {.severity = Severity::critical, .alert = "BackupFailed", .component = "n8n", .text = "No."}};
    const auto expected = Json::parse(R"({
        "now": "2025-10-16T07:00:00Z", "version": "1.2", "instance": "main", "host": "atlas",
        "problems": [{"severity": "critical", "alert": "BackupFailed", "component": "n8n", "text": "No."}],
        "last_run": {"id": "20251016_030000", "ok": false, "killed": true, "code": 3, "message": "why",
            "began": "2025-10-16T01:00:00Z", "ended": "2025-10-16T01:01:00Z", "stored_bytes": 5},
        "last_success": null,
        "next_runs": {"backup": "2025-10-17T01:00:00Z"},
        "runs": [{"at": "2025-10-16T01:00:00Z", "ok": false, "stored_bytes": 5, "freeze_milliseconds": 7,
            "duration_milliseconds": 60000}],
        "components": [{"name": "n8n", "category": "databases", "priority": "critical", "last_ok": false,
            "reason": "gone", "last_good": "2025-10-15T01:00:00Z", "last_good_id": "20251015_030000",
            "verified": null, "verify_trouble": "no key", "restored": "2025-10-01T00:00:00Z", "stored_bytes": 1,
            "read_bytes": 2, "files": 3, "skipped_entries": 4, "changed_entries": 5, "freeze_milliseconds": 6,
            "history": []}],
        "tiers": [{"name": "local", "ok": true, "trouble": "", "backups": 1, "stored_bytes": 2, "free_bytes": 3,
            "days_until_full": 1.5, "newest": null}],
        "keys": [{"fingerprint": "AB", "owner": "me", "expires": "2026-01-01T00:00:00Z", "ok": false,
            "trouble": "old"}],
        "unreleased": ["web"],
        "notifications": {"sent": 1, "failed": 2, "waiting": 3}})");
    EXPECT_EQ(Json::parse(status_json(status)), expected) << status_json(status);
}

TEST(StatusJson, AnEmptyStatusHasEmptyListsAndNulls) {
    const auto json = Json::parse(status_json({}));
    for (const auto* list : {"problems", "runs", "components", "tiers", "keys", "unreleased"})
        EXPECT_EQ(json.at(list), Json::array()) << list;
    EXPECT_EQ(json.at("next_runs"), Json::object());
    EXPECT_EQ(json.at("last_run"), nullptr);
    EXPECT_EQ(json.at("now"), "1970-01-01T00:00:00Z");
}

TEST(StatusJson, IsPrettyAndEndsWithANewline) {
    const auto text = status_json(healthy_status());
    EXPECT_TRUE(text.starts_with("{\n  \"now\": "));
    EXPECT_TRUE(text.ends_with("\n}\n"));
}

TEST(StatusJson, BytesThatAreNoTextAreReplaced) {
    Status status;
    status.host = "a\xFF"
                  "b";
    status.problems = {{.alert = "x", .component = "", .text = "quote \" and \n \x01"}};
    const auto json = Json::parse(status_json(status));
    EXPECT_EQ(json.at("host"), "a\xEF\xBF\xBD"
                               "b");
    EXPECT_EQ(json.at("problems").at(0).at("text"), "quote \" and \n \x01");
}

TEST(StatusJson, TimesBefore1970AreTimes) {
    Status status;
    status.last_success = Time() - std::chrono::milliseconds(500);
    EXPECT_EQ(Json::parse(status_json(status)).at("last_success"), "1969-12-31T23:59:59Z");
}

} // namespace
} // namespace miraclemax::telemetry
