#include "openpgp/dead_pipes.hpp"

#include "stream/file.hpp"

#include <array>
#include <cstdlib>
#include <memory>
#include <string>

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

namespace miraclemax::openpgp {

namespace {

// Full, and nobody will ever read from it.
bool is_dead(int descriptor) {
    const int flags = ::fcntl(descriptor, F_GETFL);
    if (flags < 0 || (flags & O_ACCMODE) != O_WRONLY) {
        return false;
    }
    pollfd one{.fd = descriptor, .events = POLLOUT, .revents = 0};
    return ::poll(&one, 1, 0) > 0 && (one.revents & POLLERR) != 0 && (one.revents & POLLOUT) == 0;
}

void empty(int descriptor) {
    struct stat pipe {};
    if (::fstat(descriptor, &pipe) != 0 || !S_ISFIFO(pipe.st_mode) || !is_dead(descriptor)) {
        return;
    }
    const std::string path = "/proc/self/fd/" + std::to_string(descriptor);
    const stream::Descriptor reader(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
    struct stat opened {};
    // The number may have become another file's in between.
    if (!reader || ::fstat(reader.get(), &opened) != 0 || !S_ISFIFO(opened.st_mode) ||
        opened.st_dev != pipe.st_dev || opened.st_ino != pipe.st_ino) {
        return;
    }
    std::array<char, 65536> taken; // NOLINT: only written to. A pipe holds so much, by pipe(7)
    [[maybe_unused]] const auto count = ::read(reader.get(), taken.data(), taken.size());
}

} // namespace

void empty_dead_pipes() noexcept {
    try {
        const auto close = [](DIR* folder) { ::closedir(folder); };
        const std::unique_ptr<DIR, decltype(close)> folder(::opendir("/proc/self/fd"), close);
        while (const dirent* entry = folder ? ::readdir(folder.get()) : nullptr) {
            const int descriptor = std::atoi(static_cast<const char*>(entry->d_name));
            if (descriptor > 2) { // "." and ".." are 0
                empty(descriptor);
            }
        }
    } catch (...) { // no memory: the caller asks again
        return;
    }
}

} // namespace miraclemax::openpgp
