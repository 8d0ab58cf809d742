// A worker that only moves and removes names within a component's root: after a crash, to undo a restore, to
// let old data go, to make room for the new, and to make the folder that a component is restored into.
#include "stream/fault_point.hpp"
#include "worker/heartbeat.hpp"
#include "worker/lock_down.hpp"
#include "worker/sessions.hpp"

#include <cerrno>
#include <optional>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace miraclemax::worker {

namespace {

namespace fs = std::filesystem;

// One name at a time and no link followed: nothing outside the root is touched.
stream::Descriptor enter(const stream::Descriptor& folder, const fs::path& name, const fs::path& whole) {
    const bool made = ::mkdirat(folder.get(), name.c_str(), 0700) == 0;
    if (!made && errno != EEXIST)
        throw stream::write_error("create", whole, errno);
    stream::Descriptor inner(
        ::openat(folder.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!inner)
        throw stream::write_error("open", whole, errno);
    if (made && (::fchmod(inner.get(), 0755) != 0 || ::fsync(folder.get()) != 0))
        throw stream::write_error("create", whole, errno);
    return inner;
}

void make_folder(const fs::path& root, const fs::path& relative) {
    stream::Descriptor folder(::open(root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!folder)
        throw stream::write_error("open", root, errno);
    fs::path whole = root;
    for (const fs::path& name : relative) {
        if (relative.is_absolute() || name.empty() || name == "." || name == "..")
            throw Error(ExitCode::failed, "not a path beneath " + root.string() + ": " + relative.string());
        whole /= name;
        folder = enter(folder, name, whole);
    }
}

// What only looks, or only makes folders, is in nobody's way.
std::optional<archive::Hold> hold(const SettleJob& job) {
    if (job.what == Settling::room || job.what == Settling::make_folder)
        return std::nullopt;
    return archive::hold(job.site,
                         job.what == Settling::empty ? archive::Reach::root : archive::Reach::staging);
}

archive::Holds put_in_order(const SettleJob& job) {
    const auto held = hold(job);
    switch (job.what) {
    case Settling::settle:
        return archive::settle(job.site);
    case Settling::exchange:
        archive::exchange(job.site);
        break;
    case Settling::discard:
        archive::discard(job.site);
        break;
    case Settling::abandon:
        archive::abandon(job.site);
        break;
    case Settling::make_folder:
        make_folder(job.site.root, job.folder);
        break;
    case Settling::room:
        archive::check_emptying(job.site);
        break;
    case Settling::empty:
        archive::empty_root(job.site);
        break;
    case Settling::sweep:
        archive::sweep_staging(job.site);
        break;
    }
    return archive::Holds::old_data;
}

} // namespace

void settle(Channel& channel, const SettleOrder& order) {
    drop_capabilities(Purpose::settling, false);
    std::atomic<std::uint64_t> moved = 0;
    // It goes on without a controller: half of this is worse than all of it.
    Heartbeat heartbeat(channel, moved, [] {});
    deny_system_calls(Sockets::none);
    MIRACLEMAX_FAULT_POINT("worker.locked");
    Settled settled;
    {
        const Heartbeat::Uncounted renaming(heartbeat);
        settled.holds = put_in_order(order.job);
        if (order.job.what == Settling::room)
            settled.space = archive::room_of(order.job.site);
        else if (order.job.what != Settling::make_folder)
            settled.strays = archive::strays(order.job.site);
    }
    channel.send(encode(Reply{settled}), long_patience);
}

} // namespace miraclemax::worker
