#include "catalog/shell_words.hpp"

#include "unit/store/scratch.hpp"

namespace miraclemax::catalog {
namespace {

TEST(ShellWord, ReachesAProgramAsTheVeryBytes) {
    std::string all;
    for (int byte = 1; byte < 256; ++byte) {
        all += static_cast<char>(byte);
    }
    const test::Scratch scratch;
    for (const std::string& text :
         std::vector<std::string>{"",      "plain",        "a b",      "it's",     "''",    "$HOME",
                                  "$(id)", "`id`",         "a\"b",     "a\\b",     "*",     "~",
                                  "-n",    "!x",           "#x",       "a=b",      "{a,b}", "one\ntwo",
                                  "\n",    "tab\t%s%d\\n", "\xc3\xa9", "\xff\xfe", all}) {
        const std::string word = shell_word(text);
        EXPECT_EQ(word.find('\n'), std::string::npos);
        for (const char* shell : {"sh", "bash"}) {
            test::put(scratch / "script", "printf '[%s]' " + word + " > " + (scratch / "out").string());
            ASSERT_EQ(std::system((std::string(shell) + " " + (scratch / "script").string()).c_str()), 0)
                << word;
            // Newlines at the very end are the one thing that is lost, as the header says.
            std::string kept = text;
            while (kept.ends_with('\n')) {
                kept.pop_back();
            }
            EXPECT_EQ(test::content(scratch / "out"), "[" + kept + "]") << shell << " " << word;
        }
    }
}

TEST(ShellWord, LeavesHarmlessWordsReadable) {
    EXPECT_EQ(shell_word("databases/n8n.tar.gz.gpg"), "databases/n8n.tar.gz.gpg");
    EXPECT_EQ(shell_word("owner=me"), "'owner=me'");
}

TEST(Plain, KeepsASentenceOnItsLine) {
    EXPECT_EQ(plain("a\nb\x1b[1m\x7f\xc3\xa9"), "a?b?[1m?\xc3\xa9");
}

TEST(ReadableSize, HasUnits) {
    EXPECT_EQ(readable_size(0), "0 bytes");
    EXPECT_EQ(readable_size(1023), "1023 bytes");
    EXPECT_EQ(readable_size(1536), "1.5 KiB");
    EXPECT_EQ(readable_size(3ULL << 40U), "3.0 TiB");
}

} // namespace
} // namespace miraclemax::catalog
