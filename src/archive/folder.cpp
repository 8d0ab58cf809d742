#include "archive/folder.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

namespace miraclemax::archive {

int Names::list(int folder, std::size_t enough) {
    alignas(dirent64) std::array<char, 32768> block;
    int failed = 0;
    while (begins_.size() < enough) {
        const ssize_t size = getdents64(folder, block.data(), block.size());
        if (size < 0 && errno == EINTR)
            continue;
        if (size < 0)
            failed = errno;
        if (size <= 0)
            break;
        for (ssize_t at = 0; at < size;) {
            const auto* entry = reinterpret_cast<const dirent64*>(block.data() + at);
            at += entry->d_reclen;
            const char* name = entry->d_name;
            if (std::strcmp(name, ".") == 0 || std::strcmp(name, "..") == 0)
                continue;
            if (text_.size() + 256 > UINT32_MAX)
                return EOVERFLOW; // some 16 million names in one folder
            begins_.push_back(static_cast<std::uint32_t>(text_.size()));
            text_.append(name, std::strlen(name) + 1);
        }
    }
    const char* text = text_.data();
    std::sort(begins_.begin(), begins_.end(),
              [text](std::uint32_t a, std::uint32_t b) { return std::strcmp(text + a, text + b) < 0; });
    // A name that is renamed away and made again meanwhile may be listed twice.
    const auto same = [text](std::uint32_t a, std::uint32_t b) {
        return std::strcmp(text + a, text + b) == 0;
    };
    begins_.erase(std::unique(begins_.begin(), begins_.end(), same), begins_.end());
    return failed;
}

stream::Descriptor Opener::open(int folder, const char* name, bool want_folder) {
    int flags = O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
    if (want_folder)
        flags |= O_DIRECTORY;
    if (keep_access_time_) {
        const int fd = openat(folder, name, flags | O_NOATIME);
        if (fd >= 0 || errno != EPERM)
            return stream::Descriptor(fd);
    }
    const int fd = openat(folder, name, flags);
    if (fd >= 0)
        keep_access_time_ = false; // it was O_NOATIME that was refused: for owners and CAP_FOWNER only
    return stream::Descriptor(fd);
}

bool same_file(const struct stat& a, const struct stat& b) {
    return a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

bool unmoved(const struct stat& a, const struct stat& b) {
    const auto same = [](const timespec& x, const timespec& y) {
        return x.tv_sec == y.tv_sec && x.tv_nsec == y.tv_nsec;
    };
    return same_file(a, b) && a.st_mode == b.st_mode && a.st_size == b.st_size &&
           same(a.st_mtim, b.st_mtim) && same(a.st_ctim, b.st_ctim);
}

} // namespace miraclemax::archive
