// The way of one component's bytes from its entries to the three files.
#pragma once

#include "openpgp/encryption.hpp"
#include "worker/job.hpp"

#include <atomic>
#include <cstdint>
#include <memory>

namespace miraclemax::worker {

// archive -> digest of the plain tar -> compression -> encryption -> digest -> file; inventory and report
// likewise. Nothing but ciphertext reaches the folder when the job is encrypted. Home holds the recipients'
// keys already; it and the job are borrowed. One thread.
class Pipeline {
public:
    // Makes the files and starts gpg: throws Error when they exist, the folder can't take them, or a key is
    // unusable.
    // `moved` is borrowed: it counts up, from several threads, with all that goes into the pipeline and all
    // that gets to the disk.
    Pipeline(const Job& job, const openpgp::Home& home, std::atomic<std::uint64_t>& moved);
    ~Pipeline(); // unfinished: the files are removed

    // Reads the scope to its end. What is still on its way fits into the bounded queues of the sinks.
    void read(const archive::Scope& scope, const archive::Progress& progress);
    // After read(): all three files are complete and durable, their names in the folder too.
    Outcome finish();

private:
    class Line;
    std::unique_ptr<Line> archive_, inventory_, report_;
    std::filesystem::path folder_;
    archive::Result result_;
};

} // namespace miraclemax::worker
