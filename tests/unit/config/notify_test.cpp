// The section "notify", whose options stand two levels deep.
#include "config/config.hpp"

#include "config/options.hpp"
#include "unit/config/written_config.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace miraclemax::config {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

using NotifyTest = WrittenConfig;

TEST_F(NotifyTest, IsReadFromTheFile) {
    const auto config = load("notify:\n"
                             "  mail:\n"
                             "    url: smtps://mail.example.org:465\n"
                             "    starttls: false\n"
                             "    user: bk\n"
                             "    password_file: " +
                             write("password", "right secret\n") +
                             "\n"
                             "    from: Backups <bk@example.org>\n"
                             "    to: me@example.org, you@example.org\n"
                             "    ca_file: /ca.pem\n"
                             "    on_success: true\n"
                             "    on_digest: true\n"
                             "  alertmanager: {url: 'http://am:9093'}\n"
                             "  ntfy: {url: 'https://ntfy.sh/t', token_file: " +
                             write("token", "tk_1") +
                             "}\n"
                             "  webhook: {url_file: " +
                             write("hook", "https://h.example/secret\n") +
                             "}\n"
                             "  runbook: https://runbook.example/r\n"
                             "log: {format: json, level: warning}\n");
    EXPECT_EQ(config.notify.mail.url, "smtps://mail.example.org:465");
    EXPECT_FALSE(config.notify.mail.starttls);
    EXPECT_EQ(config.notify.mail.user, "bk");
    EXPECT_EQ(config.notify.mail.password, "right secret");
    EXPECT_EQ(config.notify.mail.from, "Backups <bk@example.org>");
    EXPECT_EQ(config.notify.mail.to, "me@example.org, you@example.org");
    EXPECT_EQ(config.notify.mail.ca_file, "/ca.pem");
    EXPECT_TRUE(config.notify.mail.on_success);
    EXPECT_TRUE(config.notify.mail.on_digest);
    EXPECT_EQ(config.notify.alertmanager, "http://am:9093");
    EXPECT_EQ(config.notify.ntfy, "https://ntfy.sh/t");
    EXPECT_EQ(config.notify.ntfy_token, "tk_1");
    EXPECT_EQ(config.notify.webhook, "https://h.example/secret");
    EXPECT_EQ(config.notify.runbook, "https://runbook.example/r");
    EXPECT_EQ(config.log_format, "json");
    EXPECT_EQ(config.log_level, "warning");
}

TEST_F(NotifyTest, IsReadFromTheEnvironment) {
    variables_ = {{"MIRACLEMAX_NOTIFY_MAIL_URL", "smtp://mail:587"},
                  {"MIRACLEMAX_NOTIFY_MAIL_FROM", "a@b"},
                  {"MIRACLEMAX_NOTIFY_MAIL_TO", "c@d,e@f"},
                  {"MIRACLEMAX_NOTIFY_MAIL_USER", "bk"},
                  {"MIRACLEMAX_NOTIFY_MAIL_PASSWORD_FILE", write("password", "x\n")}};
    const auto config = load("");
    EXPECT_EQ(config.notify.mail.url, "smtp://mail:587");
    EXPECT_EQ(config.notify.mail.to, "c@d,e@f");
    EXPECT_EQ(config.notify.mail.password, "x");
    variables_ = {{"MIRACLEMAX_NOTIFY_MAIL_PASSWORD", "x"}};
    EXPECT_THAT(problems(""), HasSubstr("use MIRACLEMAX_NOTIFY_MAIL_PASSWORD_FILE"));
}

TEST_F(NotifyTest, TheDefaultsTellNobody) {
    const auto config = load(example_config());
    EXPECT_EQ(
        config.notify.mail.url + config.notify.alertmanager + config.notify.ntfy + config.notify.webhook, "");
    EXPECT_TRUE(config.notify.mail.starttls);
    EXPECT_EQ(config.log_format, "text");
    EXPECT_THAT(example_config(),
                AllOf(HasSubstr("\nnotify:\n  mail:\n    # "), HasSubstr("\n    url: \"\"\n"),
                      HasSubstr("\n  alertmanager:\n    # "), HasSubstr("\n  runbook: \"\"\n")));
}

TEST_F(NotifyTest, UnknownAndDoubleKeysAreToldAtTheirDepth) {
    const auto text = problems("notify:\n"
                               "  mail:\n"
                               "    ulr: smtp://x\n"
                               "  mail: {}\n"
                               "  ntfy: x\n"
                               "  mail.url: smtp://x\n"
                               "  fax: {}\n");
    for (const char* part :
         {"line 3: unknown key \"ulr\" in notify.mail; did you mean \"url\"?",
          "line 4: notify.mail stands twice", "line 5: notify.ntfy is no section",
          "line 6: unknown key \"mail.url\" in notify", "line 7: unknown key \"fax\" in notify"})
        EXPECT_THAT(text, HasSubstr(part));
}

TEST_F(NotifyTest, WrongValuesAreTold) {
    EXPECT_THAT(problems("notify: {mail: {url: 'mail.example.org'}}"), HasSubstr("use a URL, smtps://"));
    EXPECT_THAT(problems("notify: {mail: {url: 'http://h'}}"), HasSubstr("use a URL, smtps://"));
    EXPECT_THAT(problems("notify: {webhook: {url: 'ftp://h'}}"), HasSubstr("use a URL, https://"));
    EXPECT_THAT(problems("notify: {ntfy: {url: 'https://h/a b'}}"), HasSubstr("use a URL, https://"));
    EXPECT_THAT(problems("notify: {ntfy: {url: 'https://me:hush@h/t'}}"),
                AllOf(HasSubstr("name no user in a URL"), Not(HasSubstr("hush"))));
    EXPECT_THAT(problems("notify: {mail: {from: 'nobody'}}"), HasSubstr("one address like"));
    EXPECT_THAT(problems("notify: {mail: {from: 'a@b,c@d'}}"), HasSubstr("one address like"));
    EXPECT_THAT(problems("notify: {mail: {to: \"a@b\\r\\nc\"}}"), HasSubstr("separated by commas"));
    EXPECT_THAT(problems("notify: {mail: {starttls: perhaps}}"), HasSubstr("use true or false"));
    EXPECT_THAT(problems("log: {format: xml}"), HasSubstr("use text or json"));
}

TEST_F(NotifyTest, WhatDoesNotFitTogetherIsTold) {
    const auto secret = write("password", "hush\n");
    EXPECT_THAT(problems("notify: {mail: {url: 'smtp://h', from: 'a@b'}}"),
                HasSubstr("no sender or no receiver"));
    EXPECT_THAT(problems("notify: {mail: {password_file: " + secret + "}}"),
                HasSubstr("set notify.mail.user"));
    const std::string mail =
        "notify: {mail: {user: bk, from: 'a@b', to: 'c@d', password_file: " + secret + ", ";
    EXPECT_THAT(problems(mail + "starttls: false, url: 'smtp://h'}}"),
                AllOf(HasSubstr("not sent in the clear"), Not(HasSubstr("hush"))));
    EXPECT_EQ(problems(mail + "starttls: false, url: 'smtps://h'}}"), "none");
    EXPECT_EQ(problems(mail + "url: 'smtp://h'}}"), "none");
    EXPECT_THAT(problems("notify: {webhook: {url: 'http://h', url_file: " + write("hook", "http://h") + "}}"),
                HasSubstr("choose one of them"));
}

} // namespace
} // namespace miraclemax::config
