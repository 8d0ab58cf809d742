#include "cli/text.hpp"

#include <gtest/gtest.h>

namespace miraclemax::cli {
namespace {

TEST(Text, Bytes) {
    EXPECT_EQ(bytes_text(0), "0 B");
    EXPECT_EQ(bytes_text(1023), "1023 B");
    EXPECT_EQ(bytes_text(1536), "1.5 KiB");
    EXPECT_EQ(bytes_text(3ULL << 40U), "3.0 TiB");
}

TEST(Text, Times) {
    EXPECT_EQ(time_text(std::chrono::milliseconds(999)), "999 ms");
    EXPECT_EQ(time_text(std::chrono::milliseconds(4'200)), "4.2 s");
    EXPECT_EQ(time_text(std::chrono::milliseconds(200'000)), "3 min 20 s");
    EXPECT_EQ(time_text(std::chrono::milliseconds(7'260'000)), "2 h 1 min");
}

TEST(Text, NothingFromALabelReachesTheTerminalAsACommand) {
    EXPECT_EQ(safe("plain ä €"), "plain ä €");
    EXPECT_EQ(safe("\x1b[2J"), "\\x1b[2J");
    EXPECT_EQ(safe("a\xff"), "a\\xff");
    EXPECT_EQ(safe("\xc2\x9b"), "\\xc2\\x9b");          // C1 control
    EXPECT_EQ(safe("\xed\xa0\x80"), "\\xed\\xa0\\x80"); // a surrogate is no UTF-8
    EXPECT_EQ(safe("\xe2\x82"), "\\xe2\\x82");          // cut
}

TEST(Text, ALabelCannotForgeALine) {
    EXPECT_EQ(line("bad\nbackup is complete"), "bad\\x0abackup is complete\n");
}

TEST(Text, Plurals) {
    EXPECT_EQ(plural(1, "entry"), "1 entry");
    EXPECT_EQ(plural(0, "entry"), "0 entries");
    EXPECT_EQ(plural(2, "component"), "2 components");
}

} // namespace
} // namespace miraclemax::cli
