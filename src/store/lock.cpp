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

void lock_or_throw(int fd, const fs::path& path, const fs::path& root) {
    while (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno == EINTR) {
            continue;
        }
        // NFS turns flock into a record lock, which may say EACCES or EAGAIN.
        if (errno == EWOULDBLOCK || errno == EACCES) {
            const std::string note = note_of(fd);
            throw Error(ExitCode::busy,
                        fmt::format("another run holds the backup folder {}{}", root.string(),
                                    note.empty() ? "" : " (" + note + ")"),
                        "wait until it ends; the lock goes with its process, so there is nothing to remove "
                        "(a pid may be that of another container)");
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

bool is_still_there(int fd, const fs::path& path) {
    struct stat held {};
    struct stat named {};
    return ::fstat(fd, &held) == 0 && ::lstat(path.c_str(), &named) == 0 && held.st_dev == named.st_dev &&
           held.st_ino == named.st_ino;
}

} // namespace

std::unique_ptr<Lock> BackupFolder::lock() {
    const fs::path path = root_ / ".lock";
    while (true) {
        Descriptor file(::open(path.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
        if (!file) {
            throw stream::write_error("open the lock", path, errno);
        }
        lock_or_throw(file.get(), path, root_);
        // Somebody may have deleted the file in between: then this lock would protect nothing.
        if (is_still_there(file.get(), path)) {
            return std::make_unique<HeldLock>(std::move(file));
        }
    }
}

} // namespace miraclemax::store
