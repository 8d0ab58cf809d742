// What an archive can't hold, or leaves out: it has to be told.
#include "unit/archive/tree.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Not;

namespace miraclemax::archive::test {
namespace {

class LeftOut : public testing::Test {
protected:
    TempFolder temp;
    fs::path tree = temp / "tree";
    void SetUp() override { fs::create_directory(tree); }
};

TEST_F(LeftOut, AttributesThatTarWouldRenameAreTold) {
    put(tree / "fine", "x");
    set_attribute(tree / "fine", "user.a%b=c~!", "kept");
    for (const char* name : {"blank", "high", "two", "second"})
        put(tree / name, "x");
    set_attribute(tree / "blank", "user.a b", "v");
    set_attribute(tree / "high", "user.caf\xc3\xa9", "v");
    set_attribute(tree / "two", "user.\x01", "v");
    set_attribute(tree / "two", "user.\x7f", "v");
    fs::create_directory(tree / "zdir");
    set_attribute(tree / "zdir", "user.d d", "v");
    fs::create_hard_link(tree / "blank", tree / "zlink");
    const Made made = make(tree);
    EXPECT_EQ(made.result.tally.unreadable, 4U) << made.report;
    EXPECT_EQ(made.result.tally.files, 6U);
    EXPECT_THAT(made.report, Not(HasSubstr("data/fine")));
    for (const char* name : {"blank", "high", "two", "zdir"})
        EXPECT_THAT(made.report, HasSubstr("data/" + std::string(name) + "\", \"what\": \"unreadable\""));
    EXPECT_THAT(made.report, HasSubstr("tar restores the attribute user.a b under another name"));
    // And it is so: what was not told comes back, what was told does not.
    extract(made.tar, temp / "out");
    const auto before = snapshot(tree);
    const auto after = snapshot(temp / "out/data");
    EXPECT_EQ(after.at("fine"), before.at("fine"));
    for (const char* name : {"blank", "high", "two", "zdir"})
        EXPECT_NE(after.at(name), before.at(name)) << name;
}

TEST_F(LeftOut, AnExcludedMountPointIsNotCounted) {
    if (getuid() != 0)
        GTEST_SKIP() << "needs root";
    for (const char* name : {"cache", "disk"}) {
        fs::create_directory(tree / name);
        if (mount("tmpfs", (tree / name).c_str(), "tmpfs", 0, nullptr) != 0)
            GTEST_SKIP() << "can't mount";
    }
    const Made made = make(tree, {"cache"});
    for (const char* name : {"cache", "disk"})
        umount2((tree / name).c_str(), MNT_DETACH);
    EXPECT_EQ(made.result.tally.elsewhere, 1U);
    EXPECT_EQ(made.result.tally.excluded, 1U);
    EXPECT_THAT(made.report, HasSubstr("\"data/disk\", \"what\": \"elsewhere\""));
}

TEST_F(LeftOut, ProgressIsToldOfWhatIsExcludedToo) {
    for (int i = 0; i < 2100; ++i)
        put(tree / (std::to_string(i) + ".log"), "");
    int calls = 0;
    stream::StringSink tar, inventory, report;
    write_archive({.root = tree, .prefix = "data", .exclude = {"*.log"}, .trusted_xattrs = false},
                  {.tar = tar, .inventory = inventory, .report = report}, [&](const Tally&) { ++calls; });
    EXPECT_GE(calls, 2 + 1);
}

} // namespace
} // namespace miraclemax::archive::test
