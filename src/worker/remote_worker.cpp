#include "worker/remote_worker.hpp"

#include <fmt/format.h>

namespace miraclemax::worker {

namespace {

using std::chrono::milliseconds;

constexpr milliseconds glance{100};      // between two looks at the stop token
constexpr milliseconds patience{30'000}; // for a worker to take a line

double seconds(milliseconds time) {
    return static_cast<double>(time.count()) / 1000.0;
}

} // namespace

RemoteWorker::RemoteWorker(Order order, Limits limits) : order_(std::move(order)), limits_(limits) {}

void RemoteWorker::check_stop(const std::stop_token& stop) const {
    if (stop.stop_requested())
        throw Error(ExitCode::interrupted, name() + " was interrupted");
}

Error RemoteWorker::died() {
    return {ExitCode::failed, name() + " " + autopsy(), "out of memory? the kernel's log and podman's tell"};
}

void RemoteWorker::tell(const Request& request) {
    try {
        channel_->send(encode(request), patience);
    } catch (const Error&) {
        throw died();
    }
}

Reply RemoteWorker::next(const Wait& wait) {
    auto heard = Clock::now();
    auto moved = heard;
    std::string line;
    for (;;) {
        check_stop(wait.stop);
        attend();
        const auto now = Clock::now();
        if (wait.deadline && now >= *wait.deadline)
            throw Error(ExitCode::failed, fmt::format("{}: time ran out before {}", name(), wait.for_what));
        if (now - heard >= wait.silence)
            throw Error(ExitCode::failed, fmt::format("{} has not said anything for {:.1f} s: it hangs",
                                                      name(), seconds(wait.silence)));
        if (now - moved >= wait.standstill)
            throw Error(
                ExitCode::failed,
                fmt::format("{} lives, but has neither read nor written anything for {:.1f} s: it hangs",
                            name(), seconds(wait.standstill)),
                "does the disk or network share of the data, or of the backups, still answer?");
        switch (channel_->receive(line, glance, longest_reply)) {
        case Channel::Got::nothing:
            continue;
        case Channel::Got::closed:
            throw died();
        case Channel::Got::line:
            break;
        }
        Reply reply = parse_reply(line);
        heard = Clock::now();
        if (const auto* failure = std::get_if<Failure>(&reply))
            throw Error(failure->code, failure->message, failure->remedy);
        if (const auto* alive = std::get_if<Alive>(&reply)) {
            if (alive->moved != moved_)
                moved = heard;
            moved_ = alive->moved;
        } else if (const auto* tally = std::get_if<archive::Tally>(&reply)) {
            moved = heard;
            if (wait.progress)
                wait.progress(*tally);
        } else {
            return reply;
        }
    }
}

template<class Expected> Expected RemoteWorker::expect(const Wait& wait) {
    try {
        Reply reply = next(wait);
        if (auto* expected = std::get_if<Expected>(&reply))
            return std::move(*expected);
        throw Error(ExitCode::failed, name() + " wrote nonsense: a word out of turn");
    } catch (const std::bad_alloc&) {
        throw Error(ExitCode::failed, name() + " wrote more than memory holds");
    }
}

void RemoteWorker::wait_ready(const std::stop_token& stop) {
    const auto end = launched_ + limits_.ready;
    channel_.emplace(connect(stop, end));
    const Progress none;
    const Wait wait{.progress = none,
                    .deadline = end,
                    .silence = limits_.ready,
                    .standstill = limits_.ready, // the end comes first
                    .for_what = "it was ready",
                    .stop = stop};
    const auto hello = expect<Hello>(wait);
    if (hello.version != protocol_version)
        throw Error(ExitCode::failed,
                    fmt::format("{} speaks version {} of the protocol, not {}", name(), hello.version,
                                protocol_version),
                    "restart the sidecar, so that its image and its program are the same version");
    tell(order_);
    // Not needed any more: the less memory holds secrets, the better.
    order_.job.passphrase.clear();
    order_.job.keyring.clear();
    expect<Ready>(wait);
}

void RemoteWorker::go() {
    tell(Go{});
}

void RemoteWorker::wait_read(const Progress& progress, const Deadline& deadline,
                             const std::stop_token& stop) {
    expect<Read>({.progress = progress,
                  .deadline = deadline,
                  .silence = limits_.silence,
                  .standstill = limits_.standstill,
                  .for_what = "everything was read",
                  .stop = stop});
}

Outcome RemoteWorker::finish(const Progress& progress, const std::stop_token& stop) {
    return expect<Outcome>({.progress = progress,
                            .deadline = std::nullopt,
                            .silence = limits_.silence,
                            .standstill = limits_.standstill,
                            .for_what = "its files were complete",
                            .stop = stop});
}

std::string last_words(const std::string& text) {
    constexpr std::size_t most = 4096;
    const auto end = text.find_last_not_of(" \n\r\t");
    if (end == std::string::npos)
        return {};
    const auto begin = end + 1 > most ? end + 1 - most : 0;
    return "; its last words: " + text.substr(begin, end + 1 - begin);
}

} // namespace miraclemax::worker
