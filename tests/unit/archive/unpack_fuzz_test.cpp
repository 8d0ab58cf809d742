// The fuzz target, so that it never rots, and its seeds: with MIRACLEMAX_FUZZ_CORPUS=<folder> they are kept.
#include "fuzz/unpack_fuzz.cpp"
#include "unit/archive/tar_builder.hpp"

#include <gtest/gtest.h>

namespace miraclemax::archive::test {
namespace {

std::string input_of(const Made& made, char flags) {
    std::string text{
        flags, static_cast<char>(made.result.tally.entries), static_cast<char>(made.result.tally.files),
        static_cast<char>(made.inventory.size() & 0xff), static_cast<char>(made.inventory.size() >> 8)};
    return text + made.inventory + made.tar;
}

void feed(const std::string& name, const std::string& text) {
    if (const char* corpus = std::getenv("MIRACLEMAX_FUZZ_CORPUS"); corpus != nullptr) {
        fs::create_directories(fs::path(corpus) / "unpack");
        put(fs::path(corpus) / "unpack" / name, text);
    }
    EXPECT_EQ(LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(text.data()), text.size()), 0)
        << name;
}

TEST(UnpackFuzz, TakesItsSeeds) {
    const TempFolder temp;
    const fs::path tree = temp / "tree";
    fs::create_directories(tree / "d/e");
    put(tree / "d/f", std::string(700, 'f'));
    put(tree / std::string(150, 'n'), "long");
    put(tree / "\xff", "x");
    fs::create_hard_link(tree / "d/f", tree / "h");
    fs::create_symlink("d/f", tree / "l");
    set_attribute(tree / "d/f", "user.a=b", "value");
    ASSERT_EQ(mkfifo((tree / "p").c_str(), 0600), 0);
    ASSERT_EQ(run({"setfacl", "-m", "u:7:rwx,d:u:9:rx", tree / "d"}).status, 0);
    put(tree / "s", "x");
    fs::resize_file(tree / "s", 1 << 20);
    const Made made = make(tree);
    for (const char flags : {0, 1, 4, 5})
        feed("tree-" + std::to_string(flags), input_of(made, flags));
    const Made single = make(tree / "d/f");
    for (const char flags : {2, 3})
        feed("single-" + std::to_string(flags), input_of(single, flags));
    TarBuilder hostile;
    hostile.add({.name = "data/l", .type = '2', .content = "", .link = ".."})
        .add({.name = "data/l/canary", .type = '0', .content = "evil", .link = ""})
        .end();
    feed("hostile", input_of(hostile.made(), 1));
    for (const char* text : {"", "\1", "\1\2\3\4\5", "\1\1\1\377\377#mtree\n"})
        feed("short-" + std::to_string(std::string_view(text).size()), text);
}

} // namespace
} // namespace miraclemax::archive::test
