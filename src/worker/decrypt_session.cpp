// A worker that holds the private key: it sees ciphertext come and plain bytes go, and no volume.
#include "openpgp/decryption.hpp"
#include "stream/fault_point.hpp"
#include "worker/heartbeat.hpp"
#include "worker/lock_down.hpp"
#include "worker/pipes.hpp"
#include "worker/sessions.hpp"

#include <exception>
#include <optional>
#include <thread>

#include <unistd.h>

namespace miraclemax::worker {

namespace {

namespace fs = std::filesystem;

// Both streams at the same time, since who reads them does so side by side.
class Decryptions {
public:
    Decryptions(const openpgp::Home& home, const openpgp::Unlocking& unlocking,
                std::atomic<std::uint64_t>& moved)
        : home_(home), unlocking_(unlocking), moved_(moved) {}

    // Returns when both have ended. Throws the cause when one failed, not what followed from it.
    void run(Streams from, Streams to) {
        std::optional<Error> archive;
        std::optional<Error> inventory;
        {
            const std::jthread other([&] {
                inventory = one("the inventory", std::move(from.inventory), std::move(to.inventory));
            });
            archive = one("the archive", std::move(from.archive), std::move(to.archive));
        }
        if (archive && inventory)
            throw weight(*archive) >= weight(*inventory) ? *archive : *inventory;
        if (archive || inventory)
            throw archive ? *archive : *inventory;
    }

private:
    std::optional<Error> one(const char* name, stream::Descriptor from, stream::Descriptor to) noexcept {
        std::optional<Error> failure;
        try {
            HandedSource source(std::move(from), name, moved_, stopped_);
            HandedSink sink(std::move(to), moved_, stopped_);
            openpgp::decrypt(source, sink, home_, unlocking_);
        } catch (const Error& error) {
            failure = error.with(name);
        } catch (const std::exception& error) {
            failure = Error(ExitCode::failed, error.what());
        }
        if (failure)
            stopped_ = true;
        return failure;
    }

    static int weight(const Error& error) {
        switch (error.code()) {
        case ExitCode::key:
            return 3;
        case ExitCode::damaged:
            return 2;
        case ExitCode::interrupted: // by the other
            return 0;
        default:
            return 1;
        }
    }

    const openpgp::Home& home_;
    const openpgp::Unlocking& unlocking_;
    std::atomic<std::uint64_t>& moved_;
    std::atomic<bool> stopped_ = false;
};

} // namespace

void decrypt(Channel& channel, DecryptOrder order, Streams from, Streams to) {
    hide(order.hidden, order.home);
    drop_capabilities(Purpose::nothing, false);
    auto home =
        order.home.empty() ? std::make_unique<openpgp::Home>() : std::make_unique<openpgp::Home>(order.home);
    std::atomic<std::uint64_t> moved = 0;
    Heartbeat heartbeat(channel, moved, [path = home->path()] {
        std::error_code ignored;
        fs::remove_all(path, ignored); // its agent sees that, and ends
        ::_exit(static_cast<int>(ExitCode::interrupted));
    });
    deny_system_calls(Sockets::local);
    MIRACLEMAX_FAULT_POINT("worker.locked");
    if (!order.job.keys.empty())
        openpgp::import_private_keys(*home, order.job.keys);
    std::fill(order.job.keys.begin(), order.job.keys.end(), '\0');
    const openpgp::Unlocking unlocking{.key_passphrase = std::move(order.job.key_passphrase),
                                       .passphrase = std::move(order.job.passphrase)};
    MIRACLEMAX_FAULT_POINT("worker.decrypt");
    Decryptions(*home, unlocking, moved).run(std::move(from), std::move(to));
    home.reset(); // the agent too, before anybody thinks that this is over
    channel.send(encode(Reply{Done{}}), long_patience);
}

} // namespace miraclemax::worker
