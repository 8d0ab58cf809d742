#include "store/backup_folder.hpp"

#include "error.hpp"
#include "stream/file.hpp"

#include <algorithm>
#include <cerrno>
#include <ctime>

#include <fcntl.h>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace miraclemax::store {

namespace fs = std::filesystem;
using stream::Descriptor;

namespace {

class HeldLock : public Lock {
public:
    explicit HeldLock(Descriptor file) : file_(std::move(file)) {
        const std::time_t now = std::time(nullptr);
        std::tm local{};
        ::localtime_r(&now, &local);
        const std::string note = fmt::format("pid {} since {:%Y-%m-%dT%H:%M:%S%z}\n", ::getpid(), local);
        // The note informs, the lock protects: on a full disk it goes without a note.
        if (::ftruncate(file_.get(), 0) == 0) {
            [[maybe_unused]] const ssize_t written = ::pwrite(file_.get(), note.data(), note.size(), 0);
        }
    }
    ~HeldLock() override { [[maybe_unused]] const int ignored = ::ftruncate(file_.get(), 0); }
    HeldLock(const HeldLock&) = delete;
    HeldLock& operator=(const HeldLock&) = delete;

private:
    Descriptor file_;
};

// For a folder that can't be written: its own lock, as far as it can be taken, and another in its place.
class StandInLock : public Lock {
public:
    StandInLock(Descriptor shared, std::unique_ptr<Lock> instead)
        : shared_(std::move(shared)), instead_(std::move(instead)) {}

private:
    Descriptor shared_;
    std::unique_ptr<Lock> instead_;
};

std::string note_of(int fd) {
    char buffer[128] = {};
    const ssize_t got = ::pread(fd, buffer, sizeof buffer - 1, 0);
    std::string note(buffer, got > 0 ? static_cast<std::size_t>(got) : 0);
    note.resize(std::min(note.size(), note.find('\n')));
    for (char& c : note) {
        c = c < ' ' || c > '~' ? '?' : c;
    }
    return note;
}

bool is_held(int number) {
    return number == EWOULDBLOCK || number == EACCES; // NFS makes a record lock of it, which may say EACCES
}

Error busy(int fd, const std::string& what) {
    const std::string note = note_of(fd);
    return {ExitCode::busy,
            fmt::format("another run holds {}{}", what, note.empty() ? "" : " (" + note + ")"),
            "wait until it ends; the lock goes with its process, so there is nothing to remove "
            "(a pid may be that of another container)"};
}

void lock_or_throw(int fd, const fs::path& path, const std::string& what) {
    while (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno == EINTR) {
            continue;
        }
        if (is_held(errno)) {
            throw busy(fd, what);
        }
        if (errno == ENOLCK || errno == EOPNOTSUPP || errno == ENOSYS) {
            throw Error(
                ExitCode::destination, fmt::format("the file system of {} offers no locks", path.string()),
                "NFS: let rpc.statd and lockd run, or mount with local_lock=flock when one host alone "
                "writes there");
        }
        throw stream::write_error("lock", path, errno);
    }
}

Descriptor opened(const fs::path& path) {
    return Descriptor(::open(path.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
}

bool is_still_there(int fd, const fs::path& path) {
    struct stat held {};
    struct stat named {};
    return ::fstat(fd, &held) == 0 && ::lstat(path.c_str(), &named) == 0 && held.st_dev == named.st_dev &&
           held.st_ino == named.st_ino;
}

std::unique_ptr<Lock> held(Descriptor file, const fs::path& path, const std::string& what) {
    while (true) {
        if (!file) {
            throw stream::write_error("open the lock", path, errno);
        }
        lock_or_throw(file.get(), path, what);
        // Somebody may have deleted the file in between: then this lock would protect nothing.
        if (is_still_there(file.get(), path)) {
            return std::make_unique<HeldLock>(std::move(file));
        }
        file = opened(path);
    }
}

} // namespace

std::unique_ptr<Lock> BackupFolder::lock() {
    const fs::path path = root_ / ".lock";
    const std::string what = "the backup folder " + root_.string();
    return held(opened(path), path, what);
}

std::unique_ptr<Lock> BackupFolder::lock_for_restore(const fs::path& instead) {
    const fs::path path = root_ / ".lock";
    const std::string what = "the backup folder " + root_.string();
    Descriptor file = opened(path);
    if (file || (errno != EROFS && errno != EACCES && errno != EPERM)) {
        return held(std::move(file), path, what);
    }
    // Mounted read-only here, it may be written from elsewhere: a shared lock is all that this needs.
    Descriptor shared(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
    if (shared && ::flock(shared.get(), LOCK_SH | LOCK_NB) != 0 && is_held(errno)) {
        throw busy(shared.get(), what);
    }
    std::error_code trouble;
    fs::create_directories(instead.parent_path(), trouble);
    return std::make_unique<StandInLock>(std::move(shared),
                                         held(opened(instead), instead, "the restores of this host"));
}

} // namespace miraclemax::store
