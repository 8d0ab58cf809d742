// Brings to disk what was unpacked, while the rest is unpacked: where memory is plenty, the kernel would let
// all of it wait for the sync at the end.
#pragma once

#include "error.hpp"

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <thread>

namespace miraclemax::archive {

// Syncs the file system (syncfs(2)) of `folder`, which is borrowed, in a thread of its own: each time 64 MiB
// more are written. Without a second thread it does nothing. One thread uses it. The destructor waits for the
// sync under way.
class EarlySync {
public:
    explicit EarlySync(int folder);
    ~EarlySync();
    EarlySync(const EarlySync&) = delete;
    EarlySync& operator=(const EarlySync&) = delete;
    void written(std::uint64_t bytes); // in all, so far; throws what an earlier sync did
    // The last sync. Throws Error (write_error) for each that failed: a disk says once what it could not
    // write.
    void finish();

private:
    void sync();

    int folder_;
    std::mutex mutex_; // of all below but the thread
    std::condition_variable changed_;
    std::uint64_t written_ = 0, begun_ = 0; // bytes; begun_: that a sync was begun for
    bool ended_ = false;
    std::optional<Error> failure_;
    std::thread thread_;
};

} // namespace miraclemax::archive
