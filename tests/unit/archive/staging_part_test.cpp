// One file, one path, and what can't move.
#include "unit/archive/staging_scene.hpp"

#include <gmock/gmock.h>

#include <sys/mount.h>
#include <sys/stat.h>

namespace fs = std::filesystem;

namespace miraclemax::archive {
namespace {

using namespace test;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class StagingOfAPart : public Staging {};

TEST_F(StagingOfAPart, ASingleFileMovesAlone) {
    scene.make_old();
    scene.site.single = true;
    scene.site.root = scene.folder() / "root/both";
    put(scene.folder() / "root/neighbour", "stays");
    old = scene.tree();
    begin_staging(scene.site);
    EXPECT_EQ(scene.tree(), old);
    put(scene.staging() / "new/both", "new");
    seal(scene.site);
    (void)swap(scene.site);
    EXPECT_EQ(get(scene.folder() / "root/both"), "new");
    EXPECT_EQ(get(scene.folder() / "root/neighbour"), "stays");
    EXPECT_EQ(get(scene.staging() / "old/both"), "old");
    exchange(scene.site);
    Tree back = scene.tree();
    back[""] = old[""]; // the folder's time moved
    expect_same(old, back);
    exchange(scene.site);
    EXPECT_EQ(get(scene.folder() / "root/both"), "new");
}

TEST_F(StagingOfAPart, ASingleFileThatWasNotThere) {
    scene.make_old();
    scene.site.single = true;
    scene.site.root = scene.folder() / "root/absent";
    begin_staging(scene.site);
    seal(scene.site);
    EXPECT_THAT(refusal([&] { (void)swap(scene.site); }), HasSubstr("absent"));
    put(scene.staging() / "new/absent", "new");
    (void)swap(scene.site);
    EXPECT_EQ(get(scene.site.root), "new");
    exchange(scene.site);
    EXPECT_FALSE(fs::exists(scene.site.root));
    EXPECT_EQ(get(scene.folder() / "root/both"), "old");
    exchange(scene.site);
    EXPECT_EQ(get(scene.site.root), "new");
}

TEST_F(StagingOfAPart, OnlyAPath) {
    scene.site.only = "deep/er/beside";
    begin();
    (void)swap(scene.site);
    EXPECT_EQ(get(scene.site.root / "deep/er/beside"), "new");
    EXPECT_EQ(get(scene.site.root / "deep/er/est/file"), "old and deep");
    EXPECT_EQ(get(scene.site.root / "both"), "old");
    EXPECT_EQ(get(scene.staging() / "old/deep/er/beside"), "old");
    struct stat status {};
    ASSERT_EQ(::stat((scene.staging() / "old/deep/er").c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777U, 0700U);
    EXPECT_EQ(scene.tree()[""], old[""]);
    exchange(scene.site);
    Tree back = scene.tree();
    back["deep/er"] = old["deep/er"];
    expect_same(old, back);
    discard(scene.site);
    EXPECT_EQ(get(scene.site.root / "deep/er/beside"), "old");
}

TEST_F(StagingOfAPart, OnlyAPathWhoseFoldersAreGone) {
    scene.site.only = "deep/er/beside";
    scene.make_old();
    fs::remove_all(scene.site.root / "deep");
    old = scene.tree();
    scene.stage();
    (void)swap(scene.site);
    EXPECT_EQ(get(scene.site.root / "deep/er/beside"), "new");
    exchange(scene.site);
    EXPECT_FALSE(fs::exists(scene.site.root / "deep"));
    // The application makes that folder itself meanwhile: it comes and goes as one.
    fs::create_directories(scene.site.root / "deep/er/own");
    exchange(scene.site);
    EXPECT_EQ(get(scene.site.root / "deep/er/beside"), "new");
    EXPECT_FALSE(fs::exists(scene.site.root / "deep/er/own"));
    exchange(scene.site);
    EXPECT_TRUE(fs::exists(scene.site.root / "deep/er/own"));
    EXPECT_FALSE(fs::exists(scene.site.root / "deep/er/beside"));
}

TEST_F(StagingOfAPart, OnlyAPathNeverThroughALink) {
    fs::create_directory(scene.folder() / "outside");
    put(scene.folder() / "outside/beside", "outside");
    scene.site.only = "deep/er/beside";
    scene.make_old();
    fs::remove_all(scene.site.root / "deep/er");
    fs::create_directory_symlink(scene.folder() / "outside", scene.site.root / "deep/er");
    scene.stage();
    EXPECT_THAT(refusal([&] { (void)swap(scene.site); }), HasSubstr("in the way"));
    EXPECT_EQ(get(scene.folder() / "outside/beside"), "outside");
    EXPECT_EQ(settle(scene.site), Holds::old_data);
    for (const char* bad :
         {"../x", "a/../../x", "/etc", "a//b", "a/", "./a", "..", ".", ".miraclemax-x/new"}) {
        scene.site.only = bad;
        EXPECT_THAT(refusal([&] { begin_staging(scene.site); }), HasSubstr("no path within")) << bad;
    }
    scene.site.only.clear();
    for (const char* bad : {"", "a/b", "..\n", "../x"}) {
        scene.site.run = bad;
        EXPECT_NE(refusal([&] { begin_staging(scene.site); }), "") << bad;
    }
}

// A tmpfs on a folder, gone with this object.
class Mounted {
public:
    explicit Mounted(fs::path path) : path_(std::move(path)) {
        good_ = ::mount("tmpfs", path_.c_str(), "tmpfs", 0, "size=64k") == 0;
        if (good_)
            put(path_ / "inside", "of the mount");
    }
    Mounted(const Mounted&) = delete;
    Mounted& operator=(const Mounted&) = delete;
    ~Mounted() { unmount(); }
    void unmount() {
        if (good_)
            ::umount2(path_.c_str(), MNT_DETACH);
        good_ = false;
    }
    [[nodiscard]] explicit operator bool() const { return good_; }

private:
    fs::path path_;
    bool good_ = false;
};

TEST_F(StagingOfAPart, AMountPointStays) {
    scene.make_old();
    fs::create_directory(scene.site.root / "mo unt");
    Mounted mount(scene.site.root / "mo unt");
    if (!mount)
        GTEST_SKIP() << "may not mount";
    old = scene.tree();
    begin_staging(scene.site);
    make_new_data(scene.staging() / "new");
    fs::create_directory(scene.staging() / "new/mo unt");
    set_time(scene.staging() / "new", 1'600'000'003, 8);
    seal(scene.site);
    EXPECT_THAT(swap(scene.site), ElementsAre("mo unt"));
    EXPECT_EQ(get(scene.site.root / "mo unt/inside"), "of the mount");
    EXPECT_EQ(get(scene.site.root / "both"), "new");
    exchange(scene.site);
    old[""] = scene.tree()[""];
    expect_same(old, scene.tree());
    mount.unmount(); // and it stays when it is no mount point any more
    exchange(scene.site);
    EXPECT_EQ(get(scene.site.root / "both"), "new");
    EXPECT_TRUE(fs::exists(scene.staging() / "new/mo unt"));
    EXPECT_TRUE(fs::exists(scene.site.root / "mo unt"));
}

TEST_F(StagingOfAPart, AMountPointFurtherInIsRefusedAndNeverEmptied) {
    begin();
    Mounted mount(scene.site.root / "deep/er/est");
    if (!mount)
        GTEST_SKIP() << "may not mount";
    EXPECT_THAT(refusal([&] { (void)swap(scene.site); }), HasSubstr("deep/er/est"));
    EXPECT_EQ(phase(), "staged\n");
    mount.unmount();
    expect_same(old, scene.tree());
    fs::create_directory(scene.staging() / "new/here");
    const Mounted other(scene.staging() / "new/here");
    ASSERT_TRUE(other);
    EXPECT_THAT(refusal([&] { discard(scene.site); }), HasSubstr("mounted"));
    EXPECT_EQ(get(scene.staging() / "new/here/inside"), "of the mount");
}

} // namespace
} // namespace miraclemax::archive
