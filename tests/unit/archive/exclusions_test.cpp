#include "archive/exclusions.hpp"

#include "error.hpp"

#include <gtest/gtest.h>

namespace miraclemax::archive {
namespace {

bool match(const char* pattern, const char* path, bool folder = false) {
    return Exclusions({pattern}).match(path, folder);
}

TEST(Exclusions, NameAlone) {
    EXPECT_TRUE(match("*.log", "a.log"));
    EXPECT_TRUE(match("*.log", "x/y/a.log"));
    EXPECT_TRUE(match("*.log", ".log"));
    EXPECT_FALSE(match("*.log", "a.logs"));
    EXPECT_FALSE(match("*.log", "a.log/b"));
    EXPECT_TRUE(match("[ab]?", "z/bz"));
    EXPECT_TRUE(match("\\!x", "!x"));
    EXPECT_TRUE(match("*", "\xff\xfe"));
}

TEST(Exclusions, FoldersOnly) {
    EXPECT_TRUE(match("cache/", "a/cache", true));
    EXPECT_FALSE(match("cache/", "a/cache", false));
    EXPECT_TRUE(match("/a/cache/", "a/cache", true));
}

TEST(Exclusions, FromTheRoot) {
    EXPECT_TRUE(match("/top/only", "top/only"));
    EXPECT_FALSE(match("/top/only", "x/top/only"));
    EXPECT_TRUE(match("top/*", "top/only"));
    EXPECT_FALSE(match("top/*", "top/only/below"));
    EXPECT_TRUE(match("/one", "one"));
    EXPECT_FALSE(match("/one", "a/one"));
}

TEST(Exclusions, AnyNumberOfFolders) {
    EXPECT_TRUE(match("a/**/b", "a/b"));
    EXPECT_TRUE(match("a/**/b", "a/x/y/b"));
    EXPECT_FALSE(match("a/**/b", "a/x/y/c"));
    EXPECT_TRUE(match("**/b", "b"));
    EXPECT_TRUE(match("**/x/b", "q/x/b"));
    EXPECT_FALSE(match("a/**", "a", true));
    EXPECT_TRUE(match("a/**", "a/b/c"));
    EXPECT_TRUE(match("**", "anything"));
    EXPECT_TRUE(match("**/a/**/a/**/b", "a/a/x/a/y/b"));
}

TEST(Exclusions, ManyStarsTakeNoLongTime) {
    std::string pattern, path;
    for (int i = 0; i < 60; ++i) {
        pattern += "**/a/";
        path += "a/";
    }
    EXPECT_FALSE(Exclusions({pattern + "b"}).match(path + "c", false));
}

TEST(Exclusions, NothingAndNegation) {
    EXPECT_FALSE(Exclusions({}).match("a", false));
    EXPECT_FALSE(Exclusions({"", "/"}).match("a", true));
    try {
        Exclusions({"!keep"});
        FAIL() << "taken";
    } catch (const Error& error) {
        EXPECT_EQ(error.code(), ExitCode::config);
    }
}

} // namespace
} // namespace miraclemax::archive
