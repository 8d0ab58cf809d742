#include "unit/archive/staging_scene.hpp"

#include "error.hpp"

#include <gmock/gmock.h>

#include <cstdint>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

namespace fs = std::filesystem;

namespace miraclemax::archive {
namespace {

using namespace test;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST_F(Staging, SwapsOldForNew) {
    begin();
    EXPECT_EQ(scene.tree(), old); // the time of the root too
    EXPECT_EQ(phase(), "staged\n");
    EXPECT_THAT(swap(scene.site), IsEmpty());
    EXPECT_EQ(phase(), "swapped\n");
    expect_same(fresh, scene.tree());
    EXPECT_TRUE(fs::is_empty(scene.staging() / "new"));
    EXPECT_EQ(get(scene.staging() / "old/deep/er/est/file"), "old and deep");
    EXPECT_EQ(settle(scene.site), Holds::new_data);
    expect_same(fresh, scene.tree());
    discard(scene.site);
    EXPECT_FALSE(fs::exists(scene.staging()));
    expect_same(fresh, scene.tree());
    discard(scene.site);
    EXPECT_EQ(settle(scene.site), Holds::unknown) << "the root holds the new data, and nobody can tell by it";
}

TEST_F(Staging, IsPrivateAndInheritsNothing) {
    scene.make_old();
    begin_staging(scene.site);
    for (const fs::path& path : {scene.staging(), scene.staging() / "new"}) {
        struct stat status {};
        ASSERT_EQ(::stat(path.c_str(), &status), 0);
        EXPECT_EQ(status.st_mode & 07777U, 0700U) << path;
        EXPECT_LT(::getxattr(path.c_str(), "system.posix_acl_default", nullptr, 0), 0) << path;
        EXPECT_LT(::getxattr(path.c_str(), "system.posix_acl_access", nullptr, 0), 0) << path;
    }
    EXPECT_THAT(refusal([&] { begin_staging(scene.site); }), HasSubstr("there already"));
}

TEST_F(Staging, ExchangesThereAndBack) {
    begin();
    (void)swap(scene.site);
    for (int round = 0; round < 3; ++round) {
        exchange(scene.site);
        expect_same(old, scene.tree());
        EXPECT_EQ(settle(scene.site), Holds::old_data);
        EXPECT_EQ(get(scene.staging() / "new/only-new"), "y");
        expect_same(old, scene.tree());
        exchange(scene.site);
        expect_same(fresh, scene.tree());
        EXPECT_EQ(settle(scene.site), Holds::new_data);
        EXPECT_EQ(get(scene.staging() / "old/only-old"), "x");
    }
    discard(scene.site);
    expect_same(fresh, scene.tree());
}

TEST_F(Staging, WhatTheApplicationDidToEitherIsKept) {
    begin();
    (void)swap(scene.site);
    put(scene.site.root / "written later", "z");
    fs::permissions(scene.site.root, fs::perms(0777));
    const Tree later = scene.tree();
    exchange(scene.site);
    expect_same(old, scene.tree());
    exchange(scene.site);
    expect_same(later, scene.tree());
}

TEST_F(Staging, SettleDropsWhatWasOnlyStaged) {
    begin();
    EXPECT_EQ(settle(scene.site), Holds::old_data);
    EXPECT_FALSE(fs::exists(scene.staging()));
    expect_same(old, scene.tree());
}

TEST_F(Staging, RefusesWhatIsNotReady) {
    scene.make_old();
    EXPECT_NE(refusal([&] { (void)swap(scene.site); }), "");
    EXPECT_NE(refusal([&] { exchange(scene.site); }), "");
    EXPECT_NE(refusal([&] { seal(scene.site); }), "");
    begin_staging(scene.site);
    EXPECT_THAT(refusal([&] { (void)swap(scene.site); }), HasSubstr("not sealed"));
    EXPECT_NE(refusal([&] { exchange(scene.site); }), "");
    seal(scene.site);
    EXPECT_NE(refusal([&] { exchange(scene.site); }), "");
    EXPECT_NE(refusal([&] { seal(scene.site); }), "");
    for (const char* word : {"aside", "in", "back-aside", "back-in", "again-aside", "again-in"}) {
        put(scene.staging() / "phase", std::string(word) + "\n");
        EXPECT_THAT(refusal([&] { discard(scene.site); }), HasSubstr(word));
        EXPECT_THAT(refusal([&] { (void)swap(scene.site); }), HasSubstr(word));
        EXPECT_THAT(refusal([&] { exchange(scene.site); }), HasSubstr(word));
    }
    put(scene.staging() / "phase", "of another version\n");
    EXPECT_THAT(refusal([&] { (void)settle(scene.site); }), HasSubstr("of another version"));
    EXPECT_NE(refusal([&] { discard(scene.site); }), "");
    EXPECT_TRUE(fs::exists(scene.staging() / "new"));
}

TEST_F(Staging, KeepsOldDataWhosePhaseFileIsLost) {
    begin();
    (void)swap(scene.site);
    fs::remove(scene.staging() / "phase");
    EXPECT_THAT(refusal([&] { (void)settle(scene.site); }), HasSubstr("lost its phase"));
    EXPECT_NE(refusal([&] { discard(scene.site); }), "");
    EXPECT_EQ(get(scene.staging() / "old/only-old"), "x");
}

TEST_F(Staging, AnEmptyRootIsFilledAndEmptied) {
    scene.bare = true;
    begin();
    (void)swap(scene.site);
    expect_same(fresh, scene.tree());
    exchange(scene.site);
    expect_same(old, scene.tree());
    EXPECT_EQ(old.size(), 1U);
}

TEST_F(Staging, AnEmptyBackupEmptiesTheRoot) {
    scene.make_old();
    old = scene.tree();
    begin_staging(scene.site);
    seal(scene.site);
    (void)swap(scene.site);
    EXPECT_EQ(scene.tree().size(), 1U);
    exchange(scene.site);
    expect_same(old, scene.tree());
}

TEST_F(Staging, ManyEntriesAndOddNames) {
    scene.make_old();
    const std::string odd[] = {"-rf", " ",    "new\nline", "\xff\xfe", "\\", "*", std::string(255, 'n'),
                               "...", "phase"};
    for (const auto& name : odd)
        put(scene.site.root / name, "old");
    for (int i = 0; i < 2000; ++i)
        put(scene.site.root / ("entry " + std::to_string(i)), "old");
    fs::create_directory(scene.site.root / ".miraclemax-other");
    put(scene.site.root / ".miraclemax-other/phase", "swapped\n");
    set_time(scene.site.root, 1'500'000'000, 1);
    old = scene.tree();
    begin_staging(scene.site);
    for (const auto& name : odd)
        put(scene.staging() / "new" / name, "new");
    for (int i = 1000; i < 3000; ++i)
        put(scene.staging() / "new" / ("entry " + std::to_string(i)), "new");
    fs::create_directory(scene.staging() / "new/.miraclemax-forged");
    set_time(scene.staging() / "new", 1'600'000'000, 1);
    seal(scene.site);
    fresh = snapshot(scene.staging() / "new");
    fresh.erase(".miraclemax-forged");
    (void)swap(scene.site);
    expect_same(fresh, scene.tree());
    EXPECT_TRUE(fs::exists(scene.site.root / ".miraclemax-other"));
    EXPECT_FALSE(fs::exists(scene.site.root / ".miraclemax-forged"));
    exchange(scene.site);
    expect_same(old, scene.tree());
}

TEST_F(Staging, ARootOrStagingFolderThatIsALinkIsRefused) {
    fs::create_directory(scene.folder() / "elsewhere");
    fs::create_directory_symlink(scene.folder() / "elsewhere", scene.folder() / "root");
    EXPECT_NE(refusal([&] { begin_staging(scene.site); }), "");
    fs::remove(scene.folder() / "root");
    fs::create_directory(scene.folder() / "root");
    fs::create_directory_symlink(scene.folder() / "elsewhere", scene.staging());
    put(scene.folder() / "elsewhere/file", "safe");
    EXPECT_NE(refusal([&] { discard(scene.site); }), "");
    EXPECT_NE(refusal([&] { (void)settle(scene.site); }), "");
    EXPECT_EQ(get(scene.folder() / "elsewhere/file"), "safe");
}

TEST_F(Staging, DiscardsAnyDepthAndNoLinksTarget) {
    begin();
    put(scene.folder() / "outside", "safe");
    fs::create_symlink(scene.folder() / "outside", scene.staging() / "new/deep/link");
    int at = ::open((scene.staging() / "new/deep").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (int i = 0; i < 3000; ++i) {
        ASSERT_EQ(::mkdirat(at, "a folder in a folder", 0700), 0);
        const int next = ::openat(at, "a folder in a folder", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        ::close(at);
        at = next;
    }
    ::close(at);
    discard(scene.site);
    EXPECT_FALSE(fs::exists(scene.staging()));
    EXPECT_EQ(get(scene.folder() / "outside"), "safe");
    expect_same(old, scene.tree());
}

TEST_F(Staging, SpaceIsThatOfTheFileSystem) {
    scene.make_old();
    const Space space = space_of(scene.site);
    EXPECT_GT(space.bytes, 0U);
    EXPECT_GT(space.inodes, 0U);
    const auto told = fs::space(scene.site.root).available;
    EXPECT_LT(space.bytes > told ? space.bytes - told : told - space.bytes, std::uintmax_t{256} << 20U);
}

TEST_F(Staging, OnlyWhatHoldsNothingAtAllIsEmpty) {
    fs::create_directories(scene.site.root);
    EXPECT_TRUE(room_of(scene.site).empty);
    put(scene.site.root / ".hidden", "");
    EXPECT_FALSE(room_of(scene.site).empty);
    fs::remove(scene.site.root / ".hidden");
    begin_staging(scene.site);
    EXPECT_FALSE(room_of(scene.site).empty);
}

} // namespace
} // namespace miraclemax::archive
