#include "component/choice.hpp"
#include "component/paths.hpp"
#include "component/spelling.hpp"

#include <gtest/gtest.h>

namespace miraclemax::component {
namespace {

using std::chrono::milliseconds;

TEST(Words, EveryNameIsReadBack) {
    for (const auto value : {Encryption::required, Encryption::optional, Encryption::never})
        EXPECT_EQ(encryption_from(name_of(value)), value);
    for (const auto value : {Priority::critical, Priority::high, Priority::medium, Priority::low})
        EXPECT_EQ(priority_from(name_of(value)), value);
    for (const auto value : {Quiesce::automatic, Quiesce::pause, Quiesce::stop, Quiesce::none})
        EXPECT_EQ(quiesce_from(name_of(value)), value);
    EXPECT_EQ(std::string(name_of(Quiesce::automatic)), "auto");
    EXPECT_FALSE(quiesce_from("Pause"));
    EXPECT_FALSE(encryption_from(""));
}

TEST(Words, DurationsHaveUnitsAndAreAboveZero) {
    EXPECT_EQ(duration_from("500ms"), milliseconds(500));
    EXPECT_EQ(duration_from("90s"), milliseconds(90'000));
    EXPECT_EQ(duration_from("90"), milliseconds(90'000));
    EXPECT_EQ(duration_from("5m"), milliseconds(300'000));
    EXPECT_EQ(duration_from("1h"), milliseconds(3'600'000));
    for (const auto* wrong : {"", "0", "0s", "-1s", "5d", "5 s", "s", "1.5s", "5ss", "+5", " 5",
                              "99999999999999999999", "9223372036854775807h"})
        EXPECT_FALSE(duration_from(wrong)) << wrong;
}

TEST(Words, NamesCanNotLeaveTheBackupFolder) {
    for (const auto* right : {"a", "n8n", "0-day", "A.b_c-d", "databases"})
        EXPECT_TRUE(is_name(right)) << right;
    for (const auto* wrong : {"", ".", "..", ".hidden", "-rf", "a/b", "a b", "ä", "a\n"})
        EXPECT_FALSE(is_name(wrong)) << wrong;
    EXPECT_TRUE(is_name(std::string(64, 'a')));
    EXPECT_FALSE(is_name(std::string(65, 'a')));
}

TEST(Words, EachWordRefusesNonsenseWithItsRemedy) {
    for (const auto& word : choice_words())
        EXPECT_EQ(remedy_for(word, "no such/value").has_value(), word != "exclude") << word;
    EXPECT_EQ(remedy_for("quiesce", "freeze"), "use auto, pause, stop or none");
    EXPECT_FALSE(remedy_for("quiesce", "stop"));
    EXPECT_FALSE(remedy_for("backup", "True")); // what podman-compose makes of an unquoted true
    EXPECT_TRUE(remedy_for("backup", "yes"));
}

TEST(Words, ExcludePatternsByCommaOrJson) {
    using List = std::vector<std::string>;
    EXPECT_EQ(patterns_from("*.log, cache/"), (List{"*.log", "cache/"}));
    EXPECT_EQ(patterns_from(R"(["a,b","/c"])"), (List{"a,b", "/c"}));
    EXPECT_EQ(patterns_from("[]"), List{});
    for (const auto* wrong : {"", "a,,b", "a,", "[1]", R"(["a")", R"([""])"})
        EXPECT_FALSE(patterns_from(wrong)) << wrong;
}

TEST(Paths, NormalisedByTextAlone) {
    EXPECT_EQ(normalised("/a//b/./c/"), "/a/b/c");
    EXPECT_EQ(normalised("/a/x/../b"), "/a/b");
    EXPECT_EQ(normalised("/../.."), "/");
    EXPECT_EQ(normalised("/"), "/");
    EXPECT_EQ(normalised(""), "");
    EXPECT_EQ(normalised("a/../../b"), "../b");
}

TEST(Paths, ContainsAtTheBorderOfAPart) {
    EXPECT_TRUE(contains("/a/b", "/a/b"));
    EXPECT_TRUE(contains("/a/b/", "/a/b/c"));
    EXPECT_TRUE(contains("/", "/a"));
    EXPECT_FALSE(contains("/a/b", "/a/bc"));
    EXPECT_FALSE(contains("/a/b/c", "/a/b"));
    EXPECT_FALSE(contains("", "/a"));
    EXPECT_FALSE(contains("/a", ""));
    EXPECT_FALSE(contains("/a", "/a/../b"));
    EXPECT_TRUE(overlap("/a/b/c", "/a/b"));
    EXPECT_EQ(last_part("/srv/web/"), "web");
    EXPECT_EQ(last_part("/"), "");
}

TEST(Spelling, FindsTheNearestOrNothing) {
    EXPECT_EQ(nearest("encyrption", choice_words()), "encryption");
    EXPECT_EQ(nearest("backups", choice_words()), "backup");
    EXPECT_EQ(nearest("maxfreeze", choice_words()), "max-freeze");
    EXPECT_FALSE(nearest("zebra", choice_words()));
    EXPECT_FALSE(nearest(std::string(100'000, 'x'), choice_words()));
    EXPECT_EQ(did_you_mean("grup", choice_words()), "; did you mean \"group\"?");
}

} // namespace
} // namespace miraclemax::component
