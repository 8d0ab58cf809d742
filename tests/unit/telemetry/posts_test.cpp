#include "telemetry/posts.hpp"

#include "telemetry/escaping.hpp"
#include "unit/telemetry/sample_message.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace miraclemax::telemetry {
namespace {

using namespace miraclemax::telemetry::testing;
using nlohmann::json;
using ::testing::Contains;
using ::testing::Each;
using ::testing::Not;

Channel channel(Channel::Kind kind, const std::string& url) {
    return {.kind = kind, .name = "x", .url = url};
}

TEST(Posts, AnAlertHasItsLabelsTimesAndWords) {
    const auto post = post_for(channel(Channel::Kind::alertmanager, "http://am:9093/"), failure());
    EXPECT_EQ(post.url, "http://am:9093/api/v2/alerts");
    EXPECT_EQ(
        json::parse(post.body),
        json::parse(R"([{"labels": {"alertname": "BackupFailed", "severity": "critical", "component": "n8n",
                                          "instance": "nas"},
                               "annotations": {"summary": "[miraclemax] backup of nas failed: n8n: can't pause",
                                               "description": "The backup failed.\n.\n..two dots\n",
                                               "runbook_url": "https://runbook.example/r#backupfailed"},
                               "startsAt": "2025-10-16T01:00:00Z", "endsAt": "2025-11-17T01:00:00Z"}])"));
}

TEST(Posts, ARecoveryEndsTheSameAlerts) {
    auto first = failure();
    first.firing = {"n8n", ""};
    auto recovery = failure();
    recovery.occasion = Occasion::recovery;
    recovery.at = at(thursday + 60);
    recovery.firing.clear();
    recovery.ended = {"n8n", ""};
    const auto am = channel(Channel::Kind::alertmanager, "http://am:9093/api/v2/alerts");
    const auto before = json::parse(post_for(am, first).body);
    const auto after = json::parse(post_for(am, recovery).body);
    ASSERT_EQ(after.size(), 2U);
    for (std::size_t i = 0; i < 2; ++i) {
        EXPECT_EQ(before[i]["labels"], after[i]["labels"]);
        EXPECT_EQ(after[i]["endsAt"], "2025-10-16T01:01:00Z");
    }
    EXPECT_FALSE(after[1]["labels"].contains("component"));
    EXPECT_EQ(post_for(am, recovery).url, "http://am:9093/api/v2/alerts");
}

TEST(Posts, NtfysHeadersCannotBeForged) {
    auto message = failure();
    message.subject = "a\r\nX-Evil: 1\nä";
    message.text = std::string(3999, 'x') + "€€";
    auto ntfy = channel(Channel::Kind::ntfy, "https://ntfy.sh/t");
    ntfy.password = "tk_1\r\nX-Evil: 1";
    const auto post = post_for(ntfy, message);
    EXPECT_EQ(post.url, "https://ntfy.sh/t");
    for (const auto& header : post.headers) {
        EXPECT_EQ(header.find_first_of("\r\n"), std::string::npos) << header;
        EXPECT_FALSE(header.starts_with("X-Evil"));
    }
    EXPECT_THAT(post.headers, Contains("Title: =?UTF-8?B?YSBYLUV2aWw6IDEgw6Q=?="));
    EXPECT_THAT(post.headers, Contains("Priority: high"));
    EXPECT_THAT(post.headers, Contains("Authorization: Bearer tk_1 X-Evil: 1"));
    EXPECT_LE(post.body.size(), 4000U);
    EXPECT_TRUE(post.body.ends_with("xx\xE2\x80\xA6"));
}

TEST(Posts, AWebhookGetsAnObject) {
    auto message = failure();
    message.component = "bad\xff";
    const auto post = post_for(channel(Channel::Kind::webhook, "http://h/x?y"), message);
    const auto object = json::parse(post.body);
    EXPECT_EQ(object["occasion"], "failure");
    EXPECT_EQ(object["id"], "20251016_030000-failure");
    EXPECT_EQ(object["at"], "2025-10-16T01:00:00Z");
    EXPECT_EQ(object["severity"], "critical");
    EXPECT_EQ(object["component"], "bad\xEF\xBF\xBD");
    EXPECT_EQ(object["text"], "The backup failed.\n.\n..two dots\n");
    EXPECT_THAT(post.headers, Contains("Content-Type: application/json"));
}

TEST(Escaping, FollowsTheRuleOfTheCommandLine) {
    EXPECT_EQ(safe("a\tb\x1b\n\xc2\x85\xff\xe2\x82"), "a\\x09b\\x1b\n\\xc2\\x85\\xff\\xe2\\x82");
    EXPECT_EQ(safe("grün €"), "grün €");
    EXPECT_EQ(one_line("a\nb"), "a\\x0ab");
    EXPECT_EQ(header_text("  a\r\n\tb \x7f c "), "a b c");
    EXPECT_EQ(shortened("abc", 3), "abc");
    EXPECT_EQ(shortened("abcdef", 5), "ab…");
    EXPECT_EQ(shortened("a€€€", 8), "a€…");
}

} // namespace
} // namespace miraclemax::telemetry
