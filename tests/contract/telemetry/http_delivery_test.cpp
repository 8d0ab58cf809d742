// deliver() against a web server.
#include "telemetry/notifications.hpp"

#include "contract/telemetry/server.hpp"
#include "error.hpp"
#include "unit/telemetry/sample_message.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace miraclemax::telemetry {
namespace {

using namespace miraclemax::telemetry::testing;
using nlohmann::json;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class HttpDelivery : public ::testing::Test {
protected:
    void start(bool tls = false) {
        std::vector<std::string> words{"python3", MIRACLEMAX_TEST_SOURCE "/tests/fakes/http_sink.py",
                                       folder_.path().string()};
        if (tls) {
            ASSERT_TRUE(make_certificates(folder_.path()));
            words.emplace_back("tls");
        }
        server_ = std::make_unique<Server>(words);
        port_ = server_->line();
        ASSERT_FALSE(port_.empty());
    }
    Channel channel(Channel::Kind kind, const std::string& path, const std::string& scheme = "http") const {
        return {.kind = kind, .name = "web", .url = scheme + "://localhost:" + port_ + path};
    }
    json request(int number = 1) const {
        const auto text = content_of(folder_ / ("000" + std::to_string(number) + ".json"));
        return text.empty() ? json() : json::parse(text);
    }
    std::string header(const std::string& name) const {
        std::string value;
        const auto kept = request();
        for (const json& pair : kept.at("headers"))
            if (pair.at(0) == name)
                value += (value.empty() ? "" : " | ") + pair.at(1).get<std::string>();
        return value;
    }
    static std::string failure_of(const Channel& channel, const Patience& patience = {}) {
        try {
            deliver_within(patience, channel, failure());
        } catch (const Error& error) {
            EXPECT_THAT(error.what(), Not(HasSubstr("secret")));
            return error.what();
        }
        return "delivered";
    }

    TempFolder folder_;
    std::unique_ptr<Server> server_;
    std::string port_;
};

TEST_F(HttpDelivery, AWebhookGetsJson) {
    start();
    deliver(channel(Channel::Kind::webhook, "/hook?x=1"), failure());
    EXPECT_EQ(request()["path"], "/hook?x=1");
    EXPECT_EQ(header("Content-Type"), "application/json");
    EXPECT_EQ(json::parse(request()["body"].get<std::string>())["id"], "20251016_030000-failure");
    EXPECT_EQ(header("Authorization"), "");
}

TEST_F(HttpDelivery, NtfyGetsItsHeadersAndNoForgedOnes) {
    start();
    auto message = failure();
    message.subject = "failed\r\nX-Evil: 1";
    auto ntfy = channel(Channel::Kind::ntfy, "/topic");
    ntfy.password = "tk_secret";
    deliver(ntfy, message);
    EXPECT_EQ(header("Title"), "failed X-Evil: 1");
    EXPECT_EQ(header("X-Evil"), "");
    EXPECT_EQ(header("Priority"), "high");
    EXPECT_EQ(header("Tags"), "rotating_light");
    EXPECT_EQ(header("Authorization"), "Bearer tk_secret");
    EXPECT_EQ(request()["body"], "The backup failed.\n.\n..two dots\n");
}

TEST_F(HttpDelivery, ARefusalIsQuotedWithoutTheSecret) {
    start();
    auto wrong = channel(Channel::Kind::webhook, "/no");
    wrong.password = "top-secret";
    EXPECT_THAT(failure_of(wrong),
                AllOf(HasSubstr("web (http://localhost:" + port_ + "): the server answered 500: no:"),
                      HasSubstr("Bearer ***")));
}

TEST_F(HttpDelivery, ARedirectIsNotFollowed) {
    start();
    EXPECT_THAT(failure_of(channel(Channel::Kind::webhook, "/away")), HasSubstr("the server answered 302"));
    EXPECT_TRUE(request(2).is_null());
}

TEST_F(HttpDelivery, AServerThatHangsOrHangsUpIsGivenUpAndItsPathIsNotTold) {
    start();
    const Patience short_one{.connect = std::chrono::milliseconds(300),
                             .all = std::chrono::milliseconds(300)};
    EXPECT_THAT(failure_of(channel(Channel::Kind::webhook, "/hang"), short_one),
                AllOf(HasSubstr("no answer in time"), Not(HasSubstr("/hang"))));
    EXPECT_NE(failure_of(channel(Channel::Kind::webhook, "/drop")), "delivered");
}

TEST_F(HttpDelivery, HttpsIsVerified) {
    start(true);
    auto safe_one = channel(Channel::Kind::webhook, "/x", "https");
    EXPECT_THAT(failure_of(safe_one), HasSubstr("certificate is not trusted"));
    safe_one.ca_file = folder_ / "ca.pem";
    EXPECT_EQ(failure_of(safe_one), "delivered");
}

TEST_F(HttpDelivery, OtherProtocolsAreRefused) {
    std::ofstream(folder_ / "file") << "x";
    Channel odd{
        .kind = Channel::Kind::webhook, .name = "web", .url = "file://" + (folder_ / "file").string()};
    EXPECT_NE(failure_of(odd), "delivered");
    odd.url = "smtp://localhost:1";
    EXPECT_NE(failure_of(odd), "delivered");
    odd.url = "::";
    EXPECT_NE(failure_of(odd), "delivered");
}

} // namespace
} // namespace miraclemax::telemetry
