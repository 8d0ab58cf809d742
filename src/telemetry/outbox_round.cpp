#include "telemetry/outbox_round.hpp"

#include "error.hpp"
#include "stream/file.hpp"
#include "telemetry/escaping.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace miraclemax::telemetry {
namespace {

using std::chrono::hours;
using std::chrono::minutes;

constexpr hours patience{72};
// A clock that jumps (1970 at boot, then set) must not make a message old at once.
constexpr unsigned fewest_tries = 8;
constexpr unsigned overtaken_after = 5;
constexpr unsigned failures_a_round = 3; // each may take a minute
constexpr std::size_t remembered = 500;

minutes pause_after(unsigned tries) {
    static constexpr minutes pauses[]{minutes(1), minutes(5), minutes(15), minutes(60)};
    return tries == 0 ? minutes(60) : pauses[std::min(tries, 4U) - 1];
}

} // namespace

OutboxRound::OutboxRound(const std::filesystem::path& folder, const std::vector<Channel>& channels,
                         const Outbox::Deliver& deliver, Time now, const std::stop_token& stop,
                         std::vector<std::string>& told)
    : folder_(folder), channels_(channels), deliver_(deliver), now_(now), stop_(stop), told_(told) {}

void OutboxRound::run() {
    sweep(folder_);
    waiting_ = waiting_in(folder_, &told_);
    counts_ = counts_in(folder_, &told_);
    drop_unknown_channels();
    for (const auto& channel : channels_)
        if (!stop_.stop_requested())
            guarded([&] { serve(channel); });
}

// What one channel, or one message, could not have written down is no reason to tell others nothing.
void OutboxRound::guarded(const std::function<void()>& act) {
    try {
        act();
    } catch (const std::exception& error) {
        const auto what = "notifications: " + one_line(error.what());
        if (std::find(told_.begin(), told_.end(), what) == told_.end())
            told_.push_back(what);
    }
}

void OutboxRound::drop_unknown_channels() {
    for (auto& waiting : waiting_) {
        std::vector<std::string> gone;
        for (const auto& [name, tries] : waiting.channels)
            if (std::none_of(channels_.begin(), channels_.end(),
                             [&](const Channel& c) { return c.name == name; }))
                gone.push_back(name);
        for (const auto& name : gone) {
            told_.push_back("notifications: \"" + one_line(waiting.message.subject) + "\" is not sent by " +
                            one_line(name) + ", which is no longer configured");
            guarded([&] { leave(waiting, name); });
        }
    }
}

bool OutboxRound::is_due(const Tries& tries) const {
    if (!tries.last)
        return true;
    const auto since = now_ - *tries.last;
    return since >= pause_after(tries.count) || since < -hours(1); // the clock was put back
}

// All that waits is tried in its order as soon as one of them is due, so that a new message brings the old
// ones along once the server is back.
void OutboxRound::serve(const Channel& channel) {
    const auto is_ours = [&](const Waiting& waiting) { return waiting.channels.contains(channel.name); };
    if (std::none_of(waiting_.begin(), waiting_.end(), [&](const Waiting& waiting) {
            return is_ours(waiting) && is_due(waiting.channels.at(channel.name));
        }))
        return;
    unsigned failures = 0;
    bool held = false;
    for (auto& waiting : waiting_) {
        if (!is_ours(waiting))
            continue;
        if (held) {
            hold(waiting, channel.name);
            continue;
        }
        const auto tries_before = waiting.channels.at(channel.name).count;
        const auto came = attempt(channel, waiting);
        if (came == Came::stopped)
            return;
        const bool may_pass = tries_before >= overtaken_after && channel.kind != Channel::Kind::alertmanager;
        held = came == Came::refused && (++failures >= failures_a_round || !may_pass);
    }
}

OutboxRound::Came OutboxRound::attempt(const Channel& channel, Waiting& waiting) {
    if (stop_.stop_requested())
        return Came::stopped;
    auto& tries = waiting.channels.at(channel.name);
    const auto before = tries;
    begin_try(tries);
    save(waiting); // or, on a full disk, it would go out in each round
    if (const auto what = trouble_of(channel, waiting.message)) {
        if (stop_.stop_requested()) {
            tries = before;
            save(waiting);
            return Came::stopped;
        }
        note_failure(channel, waiting, *what);
        return Came::refused;
    }
    ++counts_.sent;
    leave(waiting, channel.name);
    return Came::through;
}

// It counts as one that failed until it has not: what brings the process down must not do so at once again.
void OutboxRound::begin_try(Tries& tries) const {
    ++tries.count;
    tries.last = now_;
    if (!tries.first)
        tries.first = now_;
}

std::optional<std::string> OutboxRound::trouble_of(const Channel& channel, const Message& message) const {
    try {
        deliver_(channel, message);
        return std::nullopt;
    } catch (const Error& error) {
        return error.whole();
    } catch (const std::exception& error) {
        return error.what();
    }
}

void OutboxRound::hold(Waiting& waiting, const std::string& channel) const {
    auto& tries = waiting.channels.at(channel);
    if (tries.last && !is_due(tries))
        return;
    tries.last = now_;
    save(waiting);
}

void OutboxRound::note_failure(const Channel& channel, Waiting& waiting, const std::string& what) {
    const auto tries = waiting.channels.at(channel.name);
    const auto begin =
        "notification \"" + one_line(waiting.message.subject) + "\" failed by " + one_line(what);
    if (now_ - *tries.first >= patience && tries.count >= fewest_tries) {
        told_.push_back(fmt::format("{}; given up after {} tries", begin, tries.count));
        ++counts_.failed;
        leave(waiting, channel.name);
        return;
    }
    told_.push_back(fmt::format("{}; tried again in {} min", begin, pause_after(tries.count).count()));
}

void OutboxRound::leave(Waiting& waiting, const std::string& channel) {
    waiting.channels.erase(channel);
    if (!waiting.channels.empty()) {
        save(waiting);
    } else {
        std::error_code error;
        std::filesystem::remove(waiting.file, error);
        if (error)
            throw Error(ExitCode::failed, "can't remove " + waiting.file.string() + ": " + error.message());
        stream::sync_folder(folder_);
        counts_.done.push_back(waiting.message.id);
        if (counts_.done.size() > remembered)
            counts_.done.erase(counts_.done.begin());
    }
    save(folder_, counts_);
}

} // namespace miraclemax::telemetry
