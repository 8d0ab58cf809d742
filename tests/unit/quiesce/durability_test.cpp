// What a power cut leaves is what was synced: these tests stand where the C library's fsync does.
#include "quiesce/journal.hpp"
#include "unit/quiesce/scene.hpp"

#include <cerrno>
#include <map>
#include <mutex>
#include <set>

#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace {

std::mutex mutex;
std::map<ino_t, std::string> synced_files; // their content when they were synced last
std::set<ino_t> synced_folders;
int good_syncs = -1; // how many before one fails; below 0: all of them

int synced(long result) {
    if (good_syncs >= 0 && good_syncs-- == 0) {
        errno = EIO;
        return -1;
    }
    return static_cast<int>(result);
}

void note(int fd) {
    struct stat facts {};
    if (::fstat(fd, &facts) != 0)
        return;
    const std::lock_guard lock(mutex);
    if (S_ISDIR(facts.st_mode))
        synced_folders.insert(facts.st_ino);
    if (!S_ISREG(facts.st_mode))
        return;
    std::string content(static_cast<std::size_t>(facts.st_size), '\0');
    if (::pread(fd, content.data(), content.size(), 0) == static_cast<ssize_t>(content.size()))
        synced_files[facts.st_ino] = content;
}

} // namespace

extern "C" int fsync(int fd) {
    note(fd);
    return synced(::syscall(SYS_fsync, fd));
}
extern "C" int fdatasync(int fd) {
    note(fd);
    return synced(::syscall(SYS_fdatasync, fd));
}

namespace miraclemax::quiesce {
namespace {

ino_t inode_of(const std::filesystem::path& path) {
    struct stat facts {};
    ::stat(path.c_str(), &facts);
    return facts.st_ino;
}

Entry pause_of(const std::string& id) {
    return {.id = id,
            .name = "db",
            .unit = {},
            .act = Act::pause,
            .before = podman::State::running,
            .started_at = {},
            .after = {}};
}

// That the file is there, and all that it says.
void expect_durable(const std::filesystem::path& journal) {
    const std::lock_guard lock(mutex);
    EXPECT_EQ(synced_folders.count(inode_of(journal.parent_path())), 1U) << "its name is not on disk";
    EXPECT_TRUE(synced_files[inode_of(journal)] == content_of(journal)) << "its content is not on disk";
}

TEST(DurabilityTest, EachRecordIsOnDiskBeforeTheCallReturns) {
    const Folder temp;
    {
        const std::lock_guard lock(mutex);
        synced_files.clear();
        synced_folders.clear();
    }
    Journal journal(temp.path(), "r1");
    const auto path = temp.path() / "r1.journal";
    expect_durable(path);
    for (const std::string id : {"0123", "4567"}) {
        journal.intend(pause_of(id));
        EXPECT_NE(content_of(path).find(id), std::string::npos);
        expect_durable(path);
    }
    journal.done("0123");
    expect_durable(path);
}

// What is not on disk is not to be done: no container is frozen by a record that a power cut would take.
TEST(DurabilityTest, ARecordThatADiskCouldNotTakeIsTold) {
    int failed = 0;
    for (bool whole = false; !whole; ++failed) {
        const Folder temp;
        good_syncs = failed;
        try {
            Journal journal(temp.path(), "r1");
            journal.intend(pause_of("0123"));
            whole = true;
        } catch (const Error&) { // NOLINT(bugprone-empty-catch): the next one may do it
        }
        EXPECT_EQ(good_syncs < 0, !whole) << "sync " << failed << " failed, and nobody took notice";
        good_syncs = -1;
    }
    EXPECT_GE(failed, 4); // the file, its folder, the record; and the time when none failed
}

} // namespace
} // namespace miraclemax::quiesce
