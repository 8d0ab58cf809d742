#include "telemetry/mail.hpp"

#include "error.hpp"
#include "unit/telemetry/sample_message.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <regex>

namespace miraclemax::telemetry {
namespace {

using namespace miraclemax::telemetry::testing;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

Channel channel() {
    return {.kind = Channel::Kind::smtp,
            .name = "mail",
            .url = "smtp://localhost",
            .user = {},
            .password = {},
            .from = "Backups <bk@example.org>",
            .to = "me@example.org, \"Ops, all\" Team <ops@example.org>",
            .ca_file = {}};
}

Channel simple_channel() {
    auto simple = channel();
    simple.to = "me@example.org";
    return simple;
}

std::string header(const std::string& content, const std::string& name) {
    const auto begin = content.find("\r\n" + name + ": ");
    if (begin == std::string::npos)
        return "";
    auto value = content.substr(begin + name.size() + 4);
    value.resize(std::min(value.find("\r\n\r\n"), value.size()));
    return std::regex_replace(std::regex_replace(value, std::regex("\r\n "), " "), std::regex("\r\n[^]*"),
                              "");
}

TEST(Mail, IsWhatItShouldBe) {
    const auto mail = mail_for(simple_channel(), failure());
    EXPECT_EQ(mail.sender, "bk@example.org");
    EXPECT_THAT(mail.recipients, ElementsAre("me@example.org"));
    const auto id = header(mail.content, "Message-ID");
    EXPECT_TRUE(std::regex_match(id, std::regex("<[0-9a-f]{32}@example\\.org>"))) << id;
    EXPECT_EQ(mail.content, "Date: Thu, 16 Oct 2025 01:00:00 +0000\r\n"
                            "From: Backups <bk@example.org>\r\n"
                            "To: me@example.org\r\n"
                            "Subject: [miraclemax] backup of nas failed: n8n: can't pause\r\n"
                            "Message-ID: " +
                                id +
                                "\r\n"
                                "Auto-Submitted: auto-generated\r\n"
                                "MIME-Version: 1.0\r\n"
                                "Content-Type: text/plain; charset=utf-8\r\n"
                                "Content-Transfer-Encoding: 7bit\r\n"
                                "\r\n"
                                "The backup failed.\r\n.\r\n..two dots\r\n");
}

TEST(Mail, TheSameMessageKeepsItsIdAndAnotherHasAnother) {
    const auto id = [](const Message& message) {
        return header(mail_for(simple_channel(), message).content, "Message-ID");
    };
    EXPECT_EQ(id(failure()), id(failure()));
    EXPECT_NE(id(failure()), id(failure("another")));
    auto elsewhere = failure();
    elsewhere.instance = "other";
    EXPECT_NE(id(failure()), id(elsewhere));
}

TEST(Mail, ASubjectCannotForgeAHeader) {
    auto message = failure();
    message.subject = "a\r\nBcc: evil@example.org\r\n\r\nbody\x1b[2J\xff";
    message.component = "x\r\nBcc: evil@example.org";
    const auto content = mail_for(simple_channel(), message).content;
    EXPECT_THAT(content, Not(HasSubstr("\nBcc:")));
    EXPECT_THAT(content, Not(HasSubstr("\x1b")));
    const auto head = content.substr(0, content.find("\r\n\r\n"));
    EXPECT_THAT(head, HasSubstr("Content-Transfer-Encoding"));
    message.subject = "a\r\nBcc: evil@example.org";
    EXPECT_THAT(mail_for(simple_channel(), message).content,
                HasSubstr("\r\nSubject: a Bcc: evil@example.org\r\n"));
}

TEST(Mail, WhatIsNotAsciiIsEncodedInWordsThatFit) {
    auto message = failure();
    message.subject = "Sicherung von Büro ";
    for (int i = 0; i < 20; ++i)
        message.subject += "größer€";
    message.text = "größer = besser \n" + std::string(300, 'x') + "\n";
    auto with_name = simple_channel();
    with_name.from = "Jörg <bk@example.org>";
    const auto content = mail_for(with_name, message).content;
    EXPECT_THAT(content, HasSubstr("From: =?UTF-8?B?SsO2cmc=?= <bk@example.org>\r\n"));
    EXPECT_THAT(content, HasSubstr("Subject: =?UTF-8?B?"));
    EXPECT_THAT(content, HasSubstr("\r\nContent-Transfer-Encoding: quoted-printable\r\n"));
    EXPECT_THAT(content, HasSubstr("\r\ngr=C3=B6=C3=9Fer =3D besser=20\r\n"));
    for (std::size_t begin = 0; begin < content.size();) {
        const auto end = content.find("\r\n", begin);
        ASSERT_NE(end, std::string::npos);
        const auto line = content.substr(begin, end - begin);
        EXPECT_LE(line.size(), 84U) << line; // "Subject: " and a word
        for (const char c : line)
            EXPECT_TRUE(c >= ' ' && c <= '~') << line;
        begin = end + 2;
    }
}

TEST(Mail, EncodedWordsSplitBetweenCharacters) {
    EXPECT_EQ(encoded_words("plain", " "), "plain");
    EXPECT_EQ(encoded_words("=?x?=", " "), "=?UTF-8?B?PT94Pz0=?=");
    std::string euros;
    for (int i = 0; i < 31; ++i)
        euros += "€";
    euros.insert(0, "a"); // 94 bytes: no multiple of three fits
    const auto words = encoded_words(euros, "|");
    // 45 bytes would cut a character: 43 = a and 14 euros, then 45, then 6.
    EXPECT_EQ(std::count(words.begin(), words.end(), '|'), 2);
    EXPECT_THAT(words, ::testing::EndsWith("|=?UTF-8?B?4oKs4oKs?="));
}

TEST(Mail, ALineThatIsTooLongIsFolded) {
    auto message = failure();
    message.text = std::string(5000, 'a');
    const auto content = mail_for(simple_channel(), message).content;
    EXPECT_THAT(content, HasSubstr("quoted-printable"));
    EXPECT_THAT(content, Not(::testing::ContainsRegex("[^\r]{1000}")));
}

TEST(Mail, WrongAddressesAreRefused) {
    for (const std::string bad : {"", "nobody", "a@b\r\nRCPT TO:<x@y>", "a b@c", "<a@b", "a@b@c", "@b", "a@",
                                  "jö@b.org", "a@b>, <c@d"}) {
        auto wrong = simple_channel();
        wrong.from = bad;
        EXPECT_THROW((void)mail_for(wrong, failure()), Error) << bad;
        wrong = simple_channel();
        wrong.to = bad;
        EXPECT_THROW((void)mail_for(wrong, failure()), Error) << bad;
    }
    auto several = channel();
    several.to = "me@example.org,, Ops.Team <ops@example.org> ";
    const auto mail = mail_for(several, failure());
    EXPECT_THAT(mail.recipients, ElementsAre("me@example.org", "ops@example.org"));
    EXPECT_EQ(header(mail.content, "To"), "me@example.org, \"Ops.Team\" <ops@example.org>");
}

} // namespace
} // namespace miraclemax::telemetry
