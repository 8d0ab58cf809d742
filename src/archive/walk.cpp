#include "archive/walk.hpp"

#include <cerrno>
#include <cstdint>
#include <cstring>

#include <fcntl.h>
#include <unistd.h>

namespace miraclemax::archive {
namespace {

constexpr int kTries = 3;
constexpr std::size_t kOpenFolders = 64;

bool gone(int error) {
    return error == ENOENT || error == ENOTDIR || error == ELOOP || error == ESTALE;
}

bool mount_of([[maybe_unused]] int folder, [[maybe_unused]] const char* name,
              [[maybe_unused]] std::uint64_t& id) {
#ifdef STATX_MNT_ID
    struct statx status {};
    const int flags = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | (*name == '\0' ? AT_EMPTY_PATH : 0);
    if (statx(folder, name, flags, STATX_MNT_ID, &status) != 0 || (status.stx_mask & STATX_MNT_ID) == 0)
        return false;
    id = status.stx_mnt_id;
    return true;
#else
    return false;
#endif
}

} // namespace

void Walk::tree(int root) {
    frames_.clear();
    path_.clear();
    struct stat status {};
    stream::Descriptor folder = opener_.open(root, ".", true);
    if (!folder || fstat(folder.get(), &status) != 0) {
        const std::string why = std::strerror(errno);
        if (fstat(root, &status) != 0)
            std::memset(&status, 0, sizeof status);
        visitor_.folder({.path = path_, .folder = root, .name = "."}, root, status);
        visitor_.missed(path_, What::unreadable, why);
        return;
    }
    device_ = status.st_dev;
    const int descriptor = folder.get();
    enter({.path = path_, .folder = descriptor, .name = "."}, std::move(folder), status);
    while (!frames_.empty()) {
        Frame& frame = frames_.back();
        if (frame.next == frame.names.size()) {
            leave();
            continue;
        }
        const char* name = frame.names[frame.next++];
        path_.resize(frame.path_length);
        if (!path_.empty())
            path_ += '/';
        path_ += name;
        step(frame.folder.get(), name);
    }
}

void Walk::single(int folder, const char* name, const std::string& path) {
    struct stat status {};
    if (fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) == 0)
        device_ = status.st_dev;
    path_ = path;
    step(folder, name);
}

void Walk::step(int folder, const char* name) {
    const Place place{.path = path_, .folder = folder, .name = name};
    for (int attempt = 1; attempt <= kTries; ++attempt) {
        struct stat status {};
        if (fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) != 0) {
            const int error = errno;
            visitor_.missed(path_, gone(error) ? What::vanished : What::unreadable, std::strerror(error));
            return;
        }
        if (attempt == 1 && visitor_.excluded(path_, S_ISDIR(status.st_mode)))
            return;
        if (S_ISDIR(status.st_mode) ? try_folder(place, status) : false)
            return;
        if (S_ISDIR(status.st_mode))
            continue;
        if (elsewhere(place, status)) {
            visitor_.missed(path_, What::elsewhere, "it is on another file system");
            return;
        }
        if (visitor_.entry(place, status, attempt == kTries))
            return;
    }
    struct stat status {};
    if (fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) != 0 && gone(errno))
        visitor_.missed(path_, What::vanished, "it was removed before it could be read");
    else
        visitor_.missed(path_, What::changed,
                        "it was replaced again and again while it was opened; it is not in the archive");
}

// Files of an overlay mount may have other device numbers than its folders, so for them the mount decides.
bool Walk::elsewhere(const Place& place, const struct stat& status) const {
    if (status.st_dev == device_)
        return false;
    std::uint64_t here = 0, there = 0;
    return !mount_of(place.folder, "", here) || !mount_of(place.folder, place.name, there) || here != there;
}

bool Walk::try_folder(const Place& place, const struct stat& seen) {
    stream::Descriptor folder = opener_.open(place.folder, place.name, true);
    if (!folder) {
        const int error = errno;
        if (gone(error))
            return false;
        visitor_.folder(place, -1, seen);
        visitor_.missed(path_, What::unreadable, std::strerror(error));
        return true;
    }
    struct stat status {};
    if (fstat(folder.get(), &status) != 0)
        return false;
    if (status.st_dev != device_) {
        visitor_.folder(place, folder.get(), status);
        visitor_.missed(path_, What::elsewhere,
                        "another file system is mounted on it; it is archived as an empty folder");
        return true;
    }
    enter(place, std::move(folder), status);
    return true;
}

void Walk::enter(const Place& place, stream::Descriptor folder, const struct stat& status) {
    visitor_.folder(place, folder.get(), status);
    Frame frame;
    frame.path_length = path_.size();
    frame.status = status;
    if (const int error = frame.names.list(folder.get()); error != 0)
        visitor_.missed(path_, What::unreadable, std::string("it can't be listed: ") + std::strerror(error));
    frame.folder = std::move(folder);
    frames_.push_back(std::move(frame));
    if (frames_.size() > kOpenFolders + 1) // the root's stays open: it is where every search begins
        frames_[frames_.size() - kOpenFolders - 1].folder.reset();
}

void Walk::leave() {
    const Frame& done = frames_.back();
    path_.resize(done.path_length);
    struct stat now {};
    if (done.folder && fstat(done.folder.get(), &now) == 0)
        visitor_.left(path_, done.status, now);
    const stream::Descriptor child(frames_.back().folder.release());
    frames_.pop_back();
    if (frames_.empty() || frames_.back().folder)
        return;
    if (!reopen(frames_.size() - 1, child.get())) {
        Frame& lost = frames_.back();
        path_.resize(lost.path_length);
        if (lost.next < lost.names.size())
            visitor_.missed(path_, What::changed,
                            "it was moved while it was read; the rest of it is not in the archive");
        lost.next = lost.names.size();
    }
}

bool Walk::reopen(std::size_t index, int child) {
    if (child >= 0) {
        stream::Descriptor parent = opener_.open(child, "..", true);
        struct stat status {};
        if (parent && fstat(parent.get(), &status) == 0 && same_file(status, frames_[index].status)) {
            frames_[index].folder = std::move(parent);
            return true;
        }
    }
    return reopen_from_root(index);
}

bool Walk::reopen_from_root(std::size_t index) {
    stream::Descriptor folder(fcntl(frames_.front().folder.get(), F_DUPFD_CLOEXEC, 0));
    for (std::size_t i = 1; folder && i <= index; ++i) {
        const std::size_t begin = frames_[i - 1].path_length + (i == 1 ? 0 : 1);
        const std::string name = path_.substr(begin, frames_[i].path_length - begin);
        folder = opener_.open(folder.get(), name.c_str(), true);
        struct stat status {};
        if (!folder || fstat(folder.get(), &status) != 0 || !same_file(status, frames_[i].status))
            return false;
    }
    if (!folder)
        return false;
    frames_[index].folder = std::move(folder);
    return true;
}

} // namespace miraclemax::archive
