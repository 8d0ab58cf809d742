// How names are written in the inventory and in the report, and what else has no file system in it.
#include "archive/acl.hpp"
#include "archive/inventory.hpp"
#include "archive/report.hpp"
#include "archive/tar_writer.hpp"
#include "stream/digest.hpp"

#include <gtest/gtest.h>

namespace miraclemax::archive {
namespace {

TEST(InventoryNames, EscapesAreOctal) {
    EXPECT_EQ(encode_path(""), ".");
    EXPECT_EQ(encode_path("a/b-c.d"), "./a/b-c.d");
    EXPECT_EQ(encode_path("a b#\n"), "./a\\040b\\043\\012");
    EXPECT_EQ(encode_path("\xc3\xa4=\\"), "./\\303\\244\\075\\134");
    EXPECT_EQ(encode_segment("a*"), "a\\134\\052");
    EXPECT_EQ(encode_segment("\\["), "\\134\\134\\134\\133");
}

TEST(InventoryNames, EveryNameComesBack) {
    for (int i = 1; i < 256; ++i)
        for (const char* around : {"", "\\", "*", "0123", "[x]"}) {
            const std::string name = std::string(around) + static_cast<char>(i) + around;
            EXPECT_EQ(decode_path(encode_path(name)), name) << i << around;
        }
    EXPECT_EQ(decode_path(encode_path("a*/b\\c/d")), "a*/b\\c/d");
    EXPECT_EQ(decode_path("."), "");
}

TEST(ReportText, JsonOfAnyBytes) {
    EXPECT_EQ(json_text("a\"b\n\t\x7f"), "a\\\"b\\u000a\\u0009\\u007f");
    EXPECT_EQ(json_text("\xc3\xa4\xf0\x9f\x98\x80"), "\xc3\xa4\xf0\x9f\x98\x80");
    EXPECT_EQ(json_text("\xff"), "\\\\xFF");
    EXPECT_EQ(json_text("\xc3"), "\\\\xC3");
    EXPECT_EQ(json_text("\xed\xa0\x80"), "\\\\xED\\\\xA0\\\\x80"); // a surrogate
    EXPECT_EQ(json_text("\xc0\xaf"), "\\\\xC0\\\\xAF");            // not the shortest form
    EXPECT_EQ(json_text("\xf4\x90\x80\x80"), "\\\\xF4\\\\x90\\\\x80\\\\x80");
    EXPECT_EQ(json_text("\\xFF"), "\\\\x5CxFF");
}

TEST(ReportText, OneLineAnEntry) {
    stream::StringSink sink;
    Report report(sink);
    report.add("d/a", What::changed, "why");
    report.add("d/b", What::skipped, "it is a socket");
    report.flush();
    EXPECT_EQ(sink.content(), "{\"entry\": \"d/a\", \"what\": \"changed\", \"why\": \"why\"}\n"
                              "{\"entry\": \"d/b\", \"what\": \"skipped\", \"why\": \"it is a socket\"}\n");
}

TEST(Acl, OnlyTheKernelsForm) {
    const std::string one("\2\0\0\0\2\0\7\0\xd2\4\0\0", 12);
    ASSERT_EQ(parse_acl(one).size(), 1U);
    EXPECT_EQ(parse_acl(one)[0].id, 1234U);
    EXPECT_EQ(parse_acl(one)[0].who, AclEntry::Who::user);
    EXPECT_TRUE(parse_acl(one.substr(0, 11)).empty());
    EXPECT_TRUE(parse_acl(std::string("\1\0\0\0", 4)).empty());
    EXPECT_TRUE(parse_acl("").empty());
    EXPECT_TRUE(parse_acl(std::string("\2\0\0\0\3\0\7\0\xd2\4\0\0", 12)).empty());
}

TEST(ArchivedTime, OnlyTheSecondBefore1970LosesItsFraction) {
    EXPECT_EQ(archived_time({.tv_sec = -1, .tv_nsec = 5}).tv_nsec, 0);
    EXPECT_EQ(archived_time({.tv_sec = -2, .tv_nsec = 5}).tv_nsec, 5);
    EXPECT_EQ(archived_time({.tv_sec = 0, .tv_nsec = 5}).tv_nsec, 5);
}

} // namespace
} // namespace miraclemax::archive
