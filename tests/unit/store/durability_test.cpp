// What a power cut leaves is what was synced: these tests stand where the C library's fsync does.
#include "store/backup_folder.hpp"
#include "unit/store/scratch.hpp"

#include "error.hpp"

#include <cerrno>
#include <functional>
#include <set>

#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace {

std::function<void(ino_t)> on_sync;
int good_syncs = -1; // how many before one fails; below 0: all of them

} // namespace

extern "C" int fsync(int fd) {
    struct stat facts {};
    if (on_sync && ::fstat(fd, &facts) == 0) {
        on_sync(facts.st_ino);
    }
    if (good_syncs >= 0 && good_syncs-- == 0) {
        errno = EIO;
        return -1;
    }
    return static_cast<int>(::syscall(SYS_fsync, fd));
}

namespace miraclemax::store {
namespace {

namespace fs = std::filesystem;

ino_t inode_of(const fs::path& path) {
    struct stat facts {};
    EXPECT_EQ(::lstat(path.c_str(), &facts), 0) << path;
    return facts.st_ino;
}

TEST(Durability, EverythingIsOnDiskBeforeItIsListedAndThenItsNameIs) {
    const test::Scratch root;
    const std::string id = "20251016_030000";
    BackupFolder folder(root.path());
    Partial partial(folder.root(), id);
    test::put(partial.work_folder("n8n") / "n8n.tar", "data"); // as a worker that syncs nothing
    partial.adopt("n8n", "databases", "n8n.tar");
    partial.write("manifest.json", "{}");
    std::set<ino_t> before;
    std::set<ino_t> after;
    on_sync = [&](ino_t inode) { (fs::exists(root / id) ? after : before).insert(inode); };
    partial.publish();
    on_sync = nullptr;
    EXPECT_EQ(before.count(inode_of(root / id)), 1U);
    for (const auto& entry : fs::recursive_directory_iterator(root / id)) {
        EXPECT_EQ(before.count(inode_of(entry.path())), 1U) << entry.path();
    }
    EXPECT_EQ(after.count(inode_of(root.path())), 1U);
}

// Each fsync, the one of a file that is written as well as those of the whole, fails once.
TEST(Durability, NothingIsListedThatADiskCouldNotTake) {
    bool published = false;
    int failed = 0;
    for (int good = 0; !published; ++good) {
        const test::Scratch root;
        const std::string id = "20251016_030000";
        BackupFolder folder(root.path());
        Partial partial(folder.root(), id);
        test::put(partial.work_folder("n8n") / "n8n.tar", "data");
        partial.adopt("n8n", "databases", "n8n.tar");
        good_syncs = good;
        try {
            partial.write("manifest.json", "{}");
            partial.publish();
            published = true;
        } catch (const Error& error) {
            EXPECT_EQ(error.code(), ExitCode::destination) << error.what();
            ++failed;
        }
        EXPECT_EQ(good_syncs < 0, !published) << "fsync " << good << " failed, and nobody took notice";
        good_syncs = -1;
        EXPECT_EQ(fs::exists(root / id), published) << good;
    }
    EXPECT_GE(failed, 5); // manifest.json, the archive, its folder, the backup's, the one above it
}

} // namespace
} // namespace miraclemax::store
