// The worker's side of the conversation.
#include "stream/fault_point.hpp"
#include "worker/channel.hpp"
#include "worker/launcher.hpp"
#include "worker/lock_down.hpp"
#include "worker/pipeline.hpp"
#include "worker/protocol.hpp"

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <optional>
#include <thread>

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace miraclemax::worker {

namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

constexpr auto patience = 60s; // for the controller to take a line

// Says every second that the process lives and how far its work got, and ends it when the controller is gone:
// whatever its main thread is doing, nobody waits for it any more.
class Heartbeat {
public:
    Heartbeat(Channel& channel, fs::path home, const std::atomic<std::uint64_t>& moved)
        : channel_(channel), home_(std::move(home)), moved_(moved),
          thread_([this](const std::stop_token& stop) { beat(stop); }) {}
    void stop() {
        thread_.request_stop();
        thread_.join();
    }

private:
    void beat(const std::stop_token& stop) noexcept {
        for (int tick = 1; !stop.stop_requested(); ++tick) {
            pollfd one{.fd = channel_.descriptor(), .events = POLLRDHUP, .revents = 0};
            if (::poll(&one, 1, 50) > 0 && !stop.stop_requested())
                leave();
            if (tick % 20 == 0)
                say();
        }
    }
    void say() noexcept {
        try {
            channel_.offer(encode(Reply{Alive{moved_}}));
        } catch (...) {
            leave();
        }
    }
    [[noreturn]] void leave() noexcept {
        std::error_code ignored;
        fs::remove_all(home_, ignored);
        ::_exit(static_cast<int>(ExitCode::interrupted));
    }

    Channel& channel_;
    fs::path home_;
    const std::atomic<std::uint64_t>& moved_;
    std::jthread thread_;
};

stream::Descriptor connect_to(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.empty() || path.size() >= sizeof address.sun_path)
        throw Error(ExitCode::usage, "the path of the control socket is empty or too long: " + path);
    std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
    stream::Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!socket || ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        throw Error(ExitCode::failed,
                    "can't connect to the control socket " + path + ": " + std::strerror(errno),
                    "workers are started by miraclemax backup, not by hand");
    return socket;
}

stream::Descriptor control_socket(const Control& control) {
    if (control.descriptor < 0)
        return connect_to(control.connect);
    struct stat what {};
    if (control.descriptor <= 2 || ::fstat(control.descriptor, &what) != 0 || !S_ISSOCK(what.st_mode))
        throw Error(ExitCode::usage, "--descriptor names no socket",
                    "workers are started by miraclemax backup, not by hand");
    return stream::Descriptor(control.descriptor);
}

template<class Expected> Expected await(Channel& channel) {
    std::string line;
    for (;;) {
        switch (channel.receive(line, 1s, longest_request)) {
        case Channel::Got::nothing:
            continue;
        case Channel::Got::closed:
            throw Error(ExitCode::interrupted, "the controller closed the connection");
        case Channel::Got::line:
            break;
        }
        Request request = parse_request(line);
        if (auto* expected = std::get_if<Expected>(&request))
            return std::move(*expected);
        throw Error(ExitCode::failed, "the controller wrote nonsense: a word out of turn");
    }
}

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

void converse(Channel& channel) {
    const auto say = [&channel](const Reply& reply) { channel.send(encode(reply), patience); };
    say(Hello{});
    const Order order = await<Order>(channel);
    const Job& job = order.job;
    drop_capabilities(job.trusted_xattrs);
    auto home =
        order.home.empty() ? std::make_unique<openpgp::Home>() : std::make_unique<openpgp::Home>(order.home);
    std::atomic<std::uint64_t> moved = 0;
    Heartbeat heartbeat(channel, home->path(), moved);
    import_recipients(job, *home);
    deny_system_calls();
    MIRACLEMAX_FAULT_POINT("worker.locked");
    auto pipeline = std::make_unique<Pipeline>(job, *home, moved);
    check_root(job);
    const archive::Scope scope{.root = job.root,
                               .prefix = job.component,
                               .exclude = job.exclude,
                               .trusted_xattrs = job.trusted_xattrs};
    say(Ready{});
    await<Go>(channel);
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

int report(std::optional<Channel>& channel, const Error& error) noexcept {
    try {
        const std::string text = std::string("miraclemax worker: ") + error.what() + "\n";
        [[maybe_unused]] const auto written = ::write(2, text.data(), text.size());
        if (channel)
            channel->send(encode(Reply{Failure{
                              .code = error.code(), .message = error.what(), .remedy = error.remedy()}}),
                          patience);
    } catch (...) { // the controller is gone, or will see the connection close
    }
    return static_cast<int>(error.code());
}

} // namespace

int worker_main(const Control& control) {
    std::signal(SIGPIPE, SIG_IGN);
    std::optional<Channel> channel;
    try {
        stream::Descriptor socket = control_socket(control);
        isolate(socket.get());
        channel.emplace(std::move(socket));
        converse(*channel);
        return 0;
    } catch (const Error& error) {
        return report(channel, error);
    } catch (const std::exception& error) {
        return report(channel, Error(ExitCode::failed, error.what()));
    }
}

} // namespace miraclemax::worker
