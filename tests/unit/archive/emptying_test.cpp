// A root that is emptied to make room.
#include "unit/archive/staging_scene.hpp"

#include <gmock/gmock.h>

#include <sys/mount.h>

namespace fs = std::filesystem;

namespace miraclemax::archive {
namespace {

using namespace test;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class Emptying : public Staging {
protected:
    std::vector<std::string> names() const {
        std::vector<std::string> found;
        for (const auto& entry : fs::directory_iterator(scene.folder() / "root"))
            found.push_back(entry.path().filename());
        std::sort(found.begin(), found.end());
        return found;
    }
    fs::path root() const { return scene.folder() / "root"; }
};

TEST_F(Emptying, TakesAllButOthersStaging) {
    begin();
    fs::create_directories(root() / ".miraclemax-another/old");
    put(root() / ".miraclemax-another/old/file", "kept");
    const auto outside = snapshot(scene.folder());
    empty_root(scene.site);
    EXPECT_THAT(names(), ElementsAre(".miraclemax-another"));
    EXPECT_EQ(get(root() / ".miraclemax-another/old/file"), "kept");
    for (const auto& [path, facts] : outside) {
        if (!path.starts_with("root")) {
            EXPECT_TRUE(fs::exists(fs::symlink_status(scene.folder() / path))) << path;
        }
    }
    empty_root(scene.site);
}

TEST_F(Emptying, OfASingleFileThatAlone) {
    scene.make_old();
    scene.site.single = true;
    scene.site.root = root() / "both";
    put(root() / "neighbour", "stays");
    empty_root(scene.site);
    EXPECT_FALSE(fs::exists(root() / "both"));
    EXPECT_EQ(get(root() / "neighbour"), "stays");
}

TEST_F(Emptying, SweepsItsStagingInWhateverPhase) {
    begin();
    (void)swap(scene.site);
    sweep_staging(scene.site);
    EXPECT_FALSE(fs::exists(scene.staging()));
    expect_same(fresh, scene.tree());
    sweep_staging(scene.site);
}

TEST_F(Emptying, LeavesWhatIsMountedOnTop) {
    scene.make_old();
    fs::create_directory(root() / "mounted");
    if (::mount("none", (root() / "mounted").c_str(), "tmpfs", 0, nullptr) != 0)
        GTEST_SKIP() << "can't mount";
    put(root() / "mounted/file", "another's");
    empty_root(scene.site);
    EXPECT_THAT(names(), ElementsAre("mounted"));
    EXPECT_EQ(get(root() / "mounted/file"), "another's");
    ::umount2((root() / "mounted").c_str(), MNT_DETACH);
}

TEST_F(Emptying, RefusesWhatIsMountedDeeperBeforeAnythingGoes) {
    scene.make_old();
    fs::create_directories(root() / "z/mounted");
    if (::mount("none", (root() / "z/mounted").c_str(), "tmpfs", 0, nullptr) != 0)
        GTEST_SKIP() << "can't mount";
    const auto before = names();
    EXPECT_THAT(refusal([&] { check_emptying(scene.site); }), HasSubstr("z/mounted"));
    EXPECT_THAT(refusal([&] { empty_root(scene.site); }), HasSubstr("z/mounted"));
    EXPECT_EQ(names(), before);
    ::umount2((root() / "z/mounted").c_str(), MNT_DETACH);
}

} // namespace
} // namespace miraclemax::archive
