// A worker that reads a component and writes its three files.
#include "stream/fault_point.hpp"
#include "worker/heartbeat.hpp"
#include "worker/lock_down.hpp"
#include "worker/pipeline.hpp"
#include "worker/sessions.hpp"

#include <atomic>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <unistd.h>

namespace miraclemax::worker {

namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

void check_root(const Job& job) {
    const stream::Descriptor root(::open(job.root.c_str(), O_PATH | O_CLOEXEC));
    if (!root)
        throw Error(ExitCode::failed, "can't open " + job.root.string() + ": " + std::strerror(errno));
}

void import_recipients(const Job& job, const openpgp::Home& home) {
    if (job.fingerprints.empty())
        return;
    if (job.keyring.empty())
        throw Error(ExitCode::key, "the job names recipients, but brings no keys");
    // Neither importing nor encrypting needs gpg's agent, and it would outlive this process.
    const fs::path conf = home.path() / "gpg.conf";
    stream::replace_file(conf, stream::read_file(conf, 65536) + "no-autostart\n");
    openpgp::import_keys(home, job.keyring);
}

} // namespace

void back_up(Channel& channel, const Order& order) {
    const auto say = [&channel](const Reply& reply) { channel.send(encode(reply), patience); };
    const Job& job = order.job;
    drop_capabilities(Purpose::reading, job.trusted_xattrs);
    auto home =
        order.home.empty() ? std::make_unique<openpgp::Home>() : std::make_unique<openpgp::Home>(order.home);
    std::atomic<std::uint64_t> moved = 0;
    Heartbeat heartbeat(channel, moved, [path = home->path()] {
        std::error_code ignored;
        fs::remove_all(path, ignored);
        ::_exit(static_cast<int>(ExitCode::interrupted));
    });
    import_recipients(job, *home);
    deny_system_calls(Sockets::none);
    MIRACLEMAX_FAULT_POINT("worker.locked");
    auto pipeline = std::make_unique<Pipeline>(job, *home, moved);
    check_root(job);
    const archive::Scope scope{.root = job.root,
                               .prefix = job.component,
                               .exclude = job.exclude,
                               .trusted_xattrs = job.trusted_xattrs};
    say(Ready{});
    await_go(channel);
    auto next = std::chrono::steady_clock::now();
    pipeline->read(scope, [&](const archive::Tally& tally) {
        ++moved;
        if (const auto now = std::chrono::steady_clock::now(); now >= next) {
            channel.offer(encode(Reply{tally}));
            next = now + 200ms;
        }
    });
    say(Read{});
    const Outcome outcome = pipeline->finish();
    // Before the result, upon which a controller may kill: nothing of gpg's folders is left behind.
    pipeline.reset();
    home.reset();
    heartbeat.stop();
    say(outcome);
}

} // namespace miraclemax::worker
