#include "store/tree.hpp"

#include "stream/file.hpp"

#include <cerrno>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace miraclemax::store {

namespace fs = std::filesystem;
using stream::Descriptor;
using stream::write_error;

namespace {

void sync_one(int fd, const fs::path& path, bool folder) {
    // Ownership and mode may be fixed by the mount (CIFS, vfat): then they are the mount's business.
    if (::fchmod(fd, folder ? 0700 : 0600) != 0 && errno != EPERM && errno != EOPNOTSUPP) {
        throw write_error("set the mode of", path, errno);
    }
    // Some network file systems know no fsync of a folder, and make its names durable by themselves.
    if (::fsync(fd) != 0 && !(folder && (errno == EINVAL || errno == EOPNOTSUPP))) {
        throw write_error("write to disk", path, errno);
    }
}

void sync_below(int folder, const fs::path& path) {
    for (const std::string& name : names_in(folder, path)) {
        const fs::path entry = path / name;
        // O_NONBLOCK: a FIFO must not hold the run up.
        const Descriptor file(::openat(folder, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
        struct stat status {};
        if (!file && errno != ELOOP && errno != ENXIO) {
            throw write_error("open", entry, errno);
        }
        if (file && ::fstat(file.get(), &status) != 0) {
            throw write_error("read the state of", entry, errno);
        }
        const bool is_folder = file && S_ISDIR(status.st_mode);
        if (!is_folder && !(file && S_ISREG(status.st_mode))) {
            throw Error(ExitCode::failed, entry.string() + " is neither a file nor a folder",
                        "nothing but miraclemax may write into the backup folder; run the backup again");
        }
        if (is_folder) {
            sync_below(file.get(), entry);
        }
        sync_one(file.get(), entry, is_folder);
    }
}

} // namespace

void sync_tree(const fs::path& path) {
    const Descriptor top(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!top) {
        throw write_error("open", path, errno);
    }
    sync_below(top.get(), path);
    sync_one(top.get(), path, true);
}

} // namespace miraclemax::store
