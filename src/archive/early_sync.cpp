#include "archive/early_sync.hpp"

#include "stream/file.hpp"

#include <cerrno>
#include <system_error>

#include <unistd.h>

namespace miraclemax::archive {
namespace {

constexpr std::uint64_t kPart = std::uint64_t{64} << 20U;

} // namespace

EarlySync::EarlySync(int folder) : folder_(folder) {
    try {
        thread_ = std::thread([this] { sync(); });
    } catch (const std::system_error&) { // a limit on processes: the sync at the end does all of it
    }
}

EarlySync::~EarlySync() {
    {
        const std::lock_guard lock(mutex_);
        ended_ = true;
    }
    changed_.notify_one();
    if (thread_.joinable())
        thread_.join();
}

void EarlySync::written(std::uint64_t bytes) {
    const std::lock_guard lock(mutex_);
    if (failure_)
        throw *failure_;
    written_ = bytes;
    if (written_ - begun_ >= kPart)
        changed_.notify_one();
}

void EarlySync::sync() {
    std::unique_lock lock(mutex_);
    while (!failure_) {
        changed_.wait(lock, [this] { return ended_ || written_ - begun_ >= kPart; });
        if (ended_)
            return;
        begun_ = written_;
        lock.unlock();
        const int error = ::syncfs(folder_) == 0 ? 0 : errno;
        lock.lock();
        if (error != 0)
            failure_ = stream::write_error("write to disk", "what was unpacked", error);
    }
}

void EarlySync::finish() {
    {
        const std::lock_guard lock(mutex_);
        ended_ = true;
    }
    changed_.notify_one();
    if (thread_.joinable())
        thread_.join();
    if (failure_)
        throw *failure_;
    // By this descriptor, which is as old as what was written: a fresh one knows nothing of an error that
    // somebody else was told.
    if (::syncfs(folder_) != 0)
        throw stream::write_error("write to disk", "what was unpacked", errno);
}

} // namespace miraclemax::archive
