// deliver() against a mail server.
#include "telemetry/notifications.hpp"

#include "contract/telemetry/server.hpp"
#include "error.hpp"
#include "unit/telemetry/sample_message.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

namespace miraclemax::telemetry {
namespace {

using namespace miraclemax::telemetry::testing;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class MailDelivery : public ::testing::Test {
protected:
    static void SetUpTestSuite() {
        certificates_ = new TempFolder;
        ASSERT_TRUE(make_certificates(certificates_->path()));
        ASSERT_TRUE(std::filesystem::create_directory(*certificates_ / "other"));
        ASSERT_TRUE(make_certificates(*certificates_ / "other"));
    }
    static void TearDownTestSuite() {
        delete certificates_;
        certificates_ = nullptr;
    }
    void start(const std::string& mode, const std::string& habit = "") {
        for (const char* name : {"cert.pem", "key.pem"})
            std::filesystem::copy_file(*certificates_ / name, folder_ / name);
        server_ = std::make_unique<Server>(
            std::vector<std::string>{"python3", MIRACLEMAX_TEST_SOURCE "/tests/fakes/smtp_sink.py",
                                     folder_.path().string(), mode, habit});
        port_ = server_->line();
        ASSERT_FALSE(port_.empty());
    }
    Channel channel(const std::string& scheme = "smtp") const {
        return {.kind = Channel::Kind::smtp,
                .name = "mail",
                .url = scheme + "://localhost:" + port_,
                .user = "bk",
                .password = "right-secret",
                .from = "bk@example.org",
                .to = "me@example.org,ops@example.org",
                .ca_file = *certificates_ / "ca.pem"};
    }
    std::string mail() const { return content_of(folder_ / "0001.eml"); }
    static std::string failure_of(const Channel& channel, const Patience& patience = {}) {
        try {
            deliver_within(patience, channel, failure());
        } catch (const Error& error) {
            EXPECT_EQ(error.code(), ExitCode::failed);
            EXPECT_THAT(error.what(), Not(HasSubstr("secret")));
            return error.what();
        }
        return "delivered";
    }

    static TempFolder* certificates_;
    TempFolder folder_;
    std::unique_ptr<Server> server_;
    std::string port_;
};
TempFolder* MailDelivery::certificates_ = nullptr;

TEST_F(MailDelivery, ByStarttlsWithLogin) {
    start("starttls");
    deliver(channel(), failure());
    EXPECT_THAT(
        mail(),
        StartsWith("tls=True user=bk from=bk@example.org to=me@example.org,ops@example.org\r\nDate: "));
    EXPECT_THAT(mail(), HasSubstr("\r\n\r\nThe backup failed.\r\n.\r\n..two dots\r\n"));
}

TEST_F(MailDelivery, BySmtps) {
    start("smtps");
    deliver(channel("smtps"), failure());
    EXPECT_THAT(mail(), StartsWith("tls=True user=bk "));
}

TEST_F(MailDelivery, InTheClearOnlyWhenToldToAndNeverWithAPassword) {
    start("plain");
    auto plain = channel();
    EXPECT_THAT(failure_of(plain), HasSubstr("offers no STARTTLS"));
    plain.starttls = false;
    EXPECT_THAT(failure_of(plain), HasSubstr("not sent in the clear"));
    EXPECT_EQ(mail(), "");
    plain.user.clear();
    plain.password.clear();
    deliver(plain, failure());
    EXPECT_THAT(mail(), StartsWith("tls=False user=None "));
}

TEST_F(MailDelivery, AWrongPasswordIsToldWithoutIt) {
    start("starttls");
    auto wrong = channel();
    wrong.password = "wrong-secret";
    EXPECT_THAT(failure_of(wrong), AllOf(HasSubstr("refused the login"), HasSubstr("no, not ***")));
    EXPECT_EQ(mail(), "");
}

TEST_F(MailDelivery, WhoIsNotKnownIsNotTrusted) {
    start("starttls");
    auto wrong = channel();
    wrong.ca_file = *certificates_ / "other" / "ca.pem";
    EXPECT_THAT(failure_of(wrong), HasSubstr("certificate is not trusted"));
    wrong.ca_file.clear(); // the system's know it neither
    EXPECT_THAT(failure_of(wrong), HasSubstr("certificate is not trusted"));
    wrong = channel();
    wrong.url = "smtp://127.0.0.1:" + port_; // the certificate is for another name
    EXPECT_THAT(failure_of(wrong), HasSubstr("certificate is not trusted"));
    wrong.ca_file = "/no/such/file";
    EXPECT_THAT(failure_of(wrong), HasSubstr("/no/such/file"));
    EXPECT_EQ(mail(), "");
}

TEST_F(MailDelivery, AServerThatHangsIsGivenUp) {
    start("plain", "hang");
    const Patience short_one{.connect = std::chrono::milliseconds(200),
                             .all = std::chrono::milliseconds(200)};
    EXPECT_THAT(failure_of(channel(), short_one), HasSubstr("no answer in time"));
}

TEST_F(MailDelivery, AStopEndsIt) {
    start("plain", "hang");
    std::stop_source stop;
    std::jthread soon([&] { stop.request_stop(); });
    EXPECT_THAT(failure_of(channel(), {.stop = stop.get_token()}), HasSubstr("stopped"));
}

TEST_F(MailDelivery, AServerThatHangsUpIsAFailure) {
    start("plain", "close");
    EXPECT_THAT(failure_of(channel()), StartsWith("mail (smtp://localhost:" + port_ + "): "));
    server_.reset();
    EXPECT_THAT(failure_of(channel()), StartsWith("mail (smtp://localhost:" + port_ + "): "));
}

TEST_F(MailDelivery, OneReceiverThatIsGoneDoesNotSilenceTheOthers) {
    start("starttls");
    auto some = channel();
    some.to = "gone@example.org, me@example.org";
    deliver(some, failure());
    EXPECT_THAT(mail(), HasSubstr(" to=me@example.org\r\n"));
    some.to = "gone@example.org";
    EXPECT_THAT(failure_of(some), HasSubstr("550 5.1.1 no such user here"));
}

TEST_F(MailDelivery, AServerThatWantsItLaterIsQuoted) {
    start("starttls", "later");
    EXPECT_THAT(failure_of(channel()), HasSubstr("451 4.3.0 try again later"));
}

} // namespace
} // namespace miraclemax::telemetry
