// What a power cut leaves is what was synced: this test stands where the C library's fsync does.
#include "unit/archive/staging_scene.hpp"

#include <gmock/gmock.h>

#include <climits>

#include <sys/syscall.h>
#include <unistd.h>

namespace {

std::vector<std::string>* synced = nullptr; // names, with the content of a phase file

} // namespace

extern "C" int fsync(int fd) {
    if (synced != nullptr) {
        char path[PATH_MAX] = {};
        (void)!::readlink(("/proc/self/fd/" + std::to_string(fd)).c_str(), path, sizeof path - 1);
        std::string name = std::filesystem::path(path).filename();
        if (name.starts_with("phase."))
            name = miraclemax::archive::test::get(path);
        synced->push_back(name);
    }
    return static_cast<int>(::syscall(SYS_fsync, fd));
}

namespace miraclemax::archive {
namespace {

using namespace test;

TEST(StagingDurability, NoPhaseIsAnnouncedBeforeTheOneBeforeItIsOnDisk) {
    StagingScene scene;
    scene.make_old();
    scene.stage();
    const std::string folder = scene.staging().filename();
    std::vector<std::string> order;
    synced = &order;
    (void)swap(scene.site);
    synced = nullptr;
    EXPECT_THAT(order, ::testing::ElementsAre("stays.next", folder, "old.root", "old", folder, //
                                              "aside\n", folder, "old", "root",                //
                                              "in\n", folder, "root", "new", "root",           //
                                              "swapped\n", folder));
    order.clear();
    synced = &order;
    exchange(scene.site);
    synced = nullptr;
    EXPECT_THAT(order, ::testing::ElementsAre("stays.next", folder, "new.root", "new", folder, //
                                              "back-aside\n", folder, "new", "root",           //
                                              "back-in\n", folder, "root", "old", "root",      //
                                              "returned\n", folder));
}

} // namespace
} // namespace miraclemax::archive
