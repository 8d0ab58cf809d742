// A worker that unpacks a component's archive, or only compares it with its inventory. It has no key.
#include "stream/decompression.hpp"
#include "stream/fault_point.hpp"
#include "stream/read_ahead.hpp"
#include "worker/heartbeat.hpp"
#include "worker/lock_down.hpp"
#include "worker/pipes.hpp"
#include "worker/sessions.hpp"

#include <fmt/format.h>

namespace miraclemax::worker {

namespace {

using namespace std::chrono_literals;

// One stream: out of the pipe, decompressed.
class Flow {
public:
    Flow(stream::Descriptor from, const char* name, Compression compression,
         std::atomic<std::uint64_t>& moved, std::atomic<bool>& stopped)
        : stopped_(stopped), handed_(std::move(from), name, moved, stopped) {
        if (compression == Compression::gzip)
            plain_ = stream::gunzip(handed_);
        else if (compression == Compression::zstd)
            plain_ = stream::unzstd(handed_);
    }
    ~Flow() { stopped_ = true; } // what reads ahead does not wait for bytes that nobody wants any more
    Flow(const Flow&) = delete;
    Flow& operator=(const Flow&) = delete;
    [[nodiscard]] stream::Source& plain() {
        if (ahead_)
            return *ahead_;
        return plain_ ? *plain_ : handed_;
    }
    // Decompressing, and what is done with it, at the same time.
    void read_ahead() {
        if (plain_)
            ahead_ = std::make_unique<stream::ReadAhead>(*plain_);
    }

private:
    std::atomic<bool>& stopped_;
    HandedSource handed_;
    std::unique_ptr<stream::Source> plain_;
    std::unique_ptr<stream::Source> ahead_;
};

// Before anything is made: a disk that is full is an application's trouble too.
void check_room(const UnpackJob& job) {
    if (!job.options.only.empty() || job.emptied)
        return; // a part of it, whose size nobody knows; or what is reckoned here would come too late
    const archive::Space space = archive::space_of(job.site);
    const std::uint64_t entries = job.promise.entries;
    const std::uint64_t needed = archive::room_for(job.content, entries);
    const std::string component = "component " + job.promise.prefix;
    constexpr const char* remedy =
        "make room there (the old data stays until the new is in its place), restore "
        "to another place, or give --in-place: a safety backup first, then the new "
        "data instead of the old";
    if (needed > space.bytes)
        throw Error(ExitCode::destination,
                    fmt::format("{} needs {}, {} are free where it is restored to", component,
                                in_mebibytes(needed), in_mebibytes(space.bytes)),
                    remedy);
    if (entries > space.inodes)
        throw Error(ExitCode::destination,
                    fmt::format("{} needs {} inodes, {} are free where it is restored to", component, entries,
                                space.inodes),
                    remedy);
}

// The staging folder of this run. It goes with the object, unless it was let go.
class Staged {
public:
    Staged(const archive::Site& site, Heartbeat& heartbeat)
        : site_(site), into_(archive::begin_staging(site)),
          held_(archive::hold(site, archive::Reach::staging)), heartbeat_(heartbeat) {}
    ~Staged() {
        if (!site_)
            return;
        into_.reset();
        const Heartbeat::Uncounted removing(heartbeat_);
        try {
            archive::discard(*site_);
        } catch (const std::exception&) { // it is found by its name: settle() and discard() are asked again
        }
    }
    Staged(const Staged&) = delete;
    Staged& operator=(const Staged&) = delete;
    [[nodiscard]] int into() const noexcept { return into_.get(); }
    void let_go() noexcept { site_.reset(); }

private:
    std::optional<archive::Site> site_;
    stream::Descriptor into_;
    archive::Hold held_; // to the end of the session, whoever settles meanwhile
    Heartbeat& heartbeat_;
};

class UnpackSession {
public:
    UnpackSession(Channel& channel, const UnpackJob& job, Streams from)
        : channel_(channel), job_(job),
          tar_(std::move(from.archive), "the archive", job.compression, moved_, stopped_),
          inventory_(std::move(from.inventory), "the inventory", job.compression, moved_, stopped_),
          // Not the end of the process, as elsewhere: what was staged must go, and a swap must not end
          // halfway.
          heartbeat_(channel, moved_, [this] { stopped_ = true; }) {}

    void compare() { say(unpack(-1)); }

    void store() {
        {
            const Heartbeat::Uncounted waiting(heartbeat_); // one that empties the root may still be at it
            static_cast<void>(archive::hold(job_.site, archive::Reach::staging));
        }
        check_room(job_);
        Staged staged(job_.site, heartbeat_);
        const archive::Unpacked unpacked = unpack(staged.into());
        {
            const Heartbeat::Uncounted waiting(heartbeat_);
            archive::seal(job_.site);
        }
        MIRACLEMAX_FAULT_POINT("worker.sealed");
        say(unpacked);
        await_go(channel_);
        // From here on the folder may hold the old data: only settle() knows what to do with it.
        staged.let_go();
        MIRACLEMAX_FAULT_POINT("worker.swap");
        const Heartbeat::Uncounted renaming(heartbeat_);
        Swapped swapped{.stayed = archive::swap(job_.site)};
        swapped.keeps_old = archive::keeps_old(job_.site);
        say(swapped);
    }

private:
    archive::Unpacked unpack(int into) {
        MIRACLEMAX_FAULT_POINT("worker.unpack");
        tar_.read_ahead();
        auto next = std::chrono::steady_clock::now();
        return archive::unpack(tar_.plain(), inventory_.plain(), job_.promise, into, job_.options,
                               [&](const archive::Unpacked& so_far) {
                                   ++moved_;
                                   const auto now = std::chrono::steady_clock::now();
                                   if (now < next)
                                       return;
                                   channel_.offer(encode(Reply{Unpacking{so_far}}));
                                   next = now + 200ms;
                               });
    }
    void say(const Reply& reply) { channel_.send(encode(reply), long_patience); }

    Channel& channel_;
    const UnpackJob& job_;
    std::atomic<std::uint64_t> moved_ = 0;
    std::atomic<bool> stopped_ = false;
    Flow tar_;
    Flow inventory_;
    Heartbeat heartbeat_;
};

} // namespace

std::string in_mebibytes(std::uint64_t bytes) {
    constexpr double mebibyte = 1048576.0;
    return fmt::format("{:.1f} MiB", static_cast<double>(bytes) / mebibyte);
}

void unpack(Channel& channel, const UnpackOrder& order, Streams from) {
    const UnpackJob& job = order.job;
    drop_capabilities(job.store ? Purpose::unpacking : Purpose::nothing,
                      job.store && job.options.trusted_xattrs);
    UnpackSession session(channel, job, std::move(from));
    deny_system_calls(Sockets::none);
    MIRACLEMAX_FAULT_POINT("worker.locked");
    if (job.store)
        session.store();
    else
        session.compare();
}

} // namespace miraclemax::worker
