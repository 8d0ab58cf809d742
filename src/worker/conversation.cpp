#include "worker/conversation.hpp"

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

Conversation::Conversation(std::string name, std::unique_ptr<WorkerProcess> process, Limits limits,
                           milliseconds grace)
    : name_(std::move(name)), limits_(limits), grace_(grace), process_(std::move(process)) {}

Conversation::~Conversation() {
    channel_.reset(); // what ends it, if it still can
    if (grace_.count() > 0)
        process_->let_end(grace_);
}

void Conversation::check_stop(const std::stop_token& stop) const {
    if (stop.stop_requested())
        throw Error(ExitCode::interrupted, name_ + " was interrupted");
}

Error Conversation::died() {
    return {ExitCode::failed, name_ + " " + process_->autopsy(),
            "out of memory? the kernel's log and podman's tell"};
}

Error Conversation::out_of_turn() const {
    return {ExitCode::failed, name_ + " wrote nonsense: a word out of turn"};
}

void Conversation::tell(const Request& request, const std::vector<stream::Descriptor>& descriptors) {
    try {
        channel_->send(encode(request), descriptors, patience);
    } catch (const Error&) {
        throw died();
    }
}

Reply Conversation::next(const Wait& wait) {
    auto heard = Clock::now();
    auto moved = heard;
    std::string line;
    for (;;) {
        check_stop(wait.stop);
        process_->attend();
        const auto now = Clock::now();
        if (wait.deadline && now >= *wait.deadline)
            throw Error(ExitCode::failed, fmt::format("{}: time ran out before {}", name_, wait.for_what));
        if (now - heard >= wait.silence) {
            grace_ = milliseconds(0); // it would not use it
            throw Error(ExitCode::failed, fmt::format("{} has not said anything for {:.1f} s: it hangs",
                                                      name_, seconds(wait.silence)));
        }
        if (now - moved >= wait.standstill)
            throw Error(
                ExitCode::failed,
                fmt::format("{} lives, but has neither read nor written anything for {:.1f} s: it hangs",
                            name_, seconds(wait.standstill)),
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
        } else if (std::holds_alternative<archive::Tally>(reply) ||
                   std::holds_alternative<Unpacking>(reply)) {
            moved = heard;
            if (wait.progress)
                wait.progress(reply);
        } else {
            return reply;
        }
    }
}

Reply Conversation::next_of_all(const Wait& wait) {
    try {
        return next(wait);
    } catch (const std::bad_alloc&) {
        throw Error(ExitCode::failed, name_ + " wrote more than memory holds");
    }
}

Conversation::Wait Conversation::open(const std::stop_token& stop) {
    const auto end = launched_ + limits_.ready;
    channel_.emplace(process_->connect(
        name_, [this, &stop] { check_stop(stop); }, end));
    Wait wait{.deadline = end,
              .silence = limits_.ready,
              .standstill = limits_.ready, // the end comes first
              .for_what = "it was ready",
              .stop = stop};
    const auto hello = expect<Hello>(wait);
    if (hello.version != protocol_version)
        throw Error(ExitCode::failed,
                    fmt::format("{} speaks version {} of the protocol, not {}", name_, hello.version,
                                protocol_version),
                    "restart the sidecar, so that its image and its program are the same version");
    return wait;
}

Conversation::Wait Conversation::patiently(const char* for_what, const std::stop_token& stop) const {
    return {.silence = limits_.silence, .standstill = limits_.standstill, .for_what = for_what, .stop = stop};
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
