// The worker's own main: whoever it works for, and whatever it is told to do.
#include "worker/lock_down.hpp"
#include "worker/sessions.hpp"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <optional>

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace miraclemax::worker {

namespace {

using namespace std::chrono_literals;

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

// As many as the order needs, each a file or pipe: neither folder nor socket nor device is handed over.
class Handed {
public:
    Handed(std::vector<stream::Descriptor> descriptors, std::size_t wanted)
        : descriptors_(std::move(descriptors)) {
        if (descriptors_.size() != wanted)
            throw Error(ExitCode::failed, "the controller wrote nonsense: the wrong number of descriptors");
        for (const stream::Descriptor& one : descriptors_) {
            struct stat what {};
            if (::fstat(one.get(), &what) != 0 || !(S_ISREG(what.st_mode) || S_ISFIFO(what.st_mode)))
                throw Error(ExitCode::failed,
                            "the controller wrote nonsense: a descriptor of neither file nor pipe");
        }
    }
    Streams pair(std::size_t number) {
        return {.archive = std::move(descriptors_.at(2 * number)),
                .inventory = std::move(descriptors_.at(2 * number + 1))};
    }

private:
    std::vector<stream::Descriptor> descriptors_;
};

void converse(Channel& channel) {
    channel.send(encode(Reply{Hello{}}), patience);
    channel.expect_descriptors(Channel::most_descriptors);
    Request request = next_request(channel);
    channel.expect_descriptors(0);
    auto descriptors = channel.take_descriptors();
    if (auto* order = std::get_if<Order>(&request)) {
        const Handed none(std::move(descriptors), 0);
        back_up(channel, *order);
    } else if (auto* decryption = std::get_if<DecryptOrder>(&request)) {
        Handed handed(std::move(descriptors), 4);
        decrypt(channel, std::move(*decryption), handed.pair(0), handed.pair(1));
    } else if (auto* unpacking = std::get_if<UnpackOrder>(&request)) {
        Handed handed(std::move(descriptors), 2);
        unpack(channel, *unpacking, handed.pair(0));
    } else if (auto* settling = std::get_if<SettleOrder>(&request)) {
        const Handed none(std::move(descriptors), 0);
        settle(channel, *settling);
    } else {
        throw Error(ExitCode::failed, "the controller wrote nonsense: a word out of turn");
    }
}

int report(std::optional<Channel>& channel, const Error& error) noexcept {
    try {
        const std::string text = std::string("miraclemax worker: ") + error.what() + "\n";
        [[maybe_unused]] const auto written = ::write(2, text.data(), text.size());
        if (channel) // which ends when the other side does
            channel->send(encode(Reply{Failure{
                              .code = error.code(), .message = error.what(), .remedy = error.remedy()}}),
                          long_patience);
    } catch (...) { // the controller is gone, or will see the connection close
    }
    return static_cast<int>(error.code());
}

} // namespace

Request next_request(Channel& channel) {
    std::string line;
    for (;;) {
        switch (channel.receive(line, 1s, longest_request)) {
        case Channel::Got::nothing:
            continue;
        case Channel::Got::closed:
            throw Error(ExitCode::interrupted, "the controller closed the connection");
        case Channel::Got::line:
            return parse_request(line);
        }
    }
}

void await_go(Channel& channel) {
    const Request request = next_request(channel);
    if (!std::holds_alternative<Go>(request))
        throw Error(ExitCode::failed, "the controller wrote nonsense: a word out of turn");
}

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
