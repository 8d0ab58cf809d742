#include "serve/upkeep.hpp"

#include "telemetry/metrics.hpp"

namespace miraclemax::serve {
namespace {

using namespace std::chrono_literals;

Moment moment(const Now& now) {
    return std::chrono::floor<std::chrono::seconds>(now.wall);
}

} // namespace

Upkeep::Upkeep(const Sidecar& sidecar, Standing standing)
    : sidecar_(sidecar), standing_(std::move(standing)),
      keeper_(standing_.settings.state / "schedule.json", standing_.plans, sidecar.say), runs_(sidecar),
      copies_(sidecar, standing_.settings.state / "replications.json", standing_.plans),
      desk_(sidecar.connect, sidecar.clock) {}

Standing Upkeep::standing() const {
    const std::lock_guard lock(mutex_);
    return standing_;
}

StatusDesk::View Upkeep::view() const {
    auto now = standing();
    const auto clock = sidecar_.clock();
    StatusDesk::View view{.settings = std::move(now.settings), .standing = {}};
    view.standing.next_runs = keeper_.next_runs(clock);
    view.standing.next_runs.merge(copies_.next_runs(clock));
    view.standing.expected_every = period_of(now.plans, "backup", moment(clock));
    view.standing.unwritten = runs_.unwritten();
    const auto copies = copies_.runs().unwritten();
    view.standing.unwritten.insert(view.standing.unwritten.end(), copies.begin(), copies.end());
    const std::lock_guard lock(mutex_);
    view.standing.notifications = notifications_;
    view.standing.since = since_;
    return view;
}

Page Upkeep::page(const std::string& path) {
    return desk_.page(path, view());
}

void Upkeep::plan(const std::stop_token& stop) {
    if (sidecar_.hangups != seen_hangups_)
        reload();
    const auto records = standing().settings.runs();
    keeper_.round(sidecar_.clock(), [&](const DueRun& due) { return runs_.run(due, records, stop); });
}

void Upkeep::copy(const std::stop_token& stop) {
    copies_.round(standing().settings, stop);
}

// A bad file is refused whole, and the old one stays.
void Upkeep::reload() {
    seen_hangups_ = sidecar_.hangups;
    try {
        auto fresh = sidecar_.load();
        keeper_.replace(fresh.plans);
        copies_.replace(fresh.plans);
        const std::lock_guard lock(mutex_);
        standing_ = std::move(fresh);
        sidecar_.say(
            "configuration read anew (a changed HTTP address, backup or state folder needs a restart)");
    } catch (const std::exception& error) {
        sidecar_.say(std::string("the configuration was NOT read anew, and the old one stays: ") +
                     error.what());
    }
}

void Upkeep::tell(const std::stop_token& stop) {
    try {
        tell_once(stop);
    } catch (const std::exception& error) {
        say_new({std::string("can't tell how it is: ") + error.what()}, round_troubles_);
    }
}

// That it can't be written is no reason to tell nobody anything.
void Upkeep::write_textfile(const std::filesystem::path& path, const telemetry::Status& status) {
    try {
        telemetry::write_textfile(path, status);
        textfile_trouble_.clear();
    } catch (const std::exception& error) {
        if (textfile_trouble_ != error.what())
            sidecar_.say(std::string("the textfile can't be written: ") + error.what());
        textfile_trouble_ = error.what();
    }
}

// The status is made of all manifests and records: not every two seconds for nothing. What is said hangs on
// runs that end, and on the hour.
void Upkeep::tell_once(const std::stop_token& stop) {
    const auto now = standing();
    telemetry::Outbox outbox(now.settings.state / "outbox", now.channels,
                             [&](const telemetry::Channel& channel, const telemetry::Message& message) {
                                 if (sidecar_.deliver)
                                     sidecar_.deliver(channel, message);
                                 else
                                     telemetry::deliver_within({.stop = stop}, channel, message);
                             });
    const auto clock = sidecar_.clock();
    std::error_code none_yet;
    const auto written = std::filesystem::last_write_time(now.settings.runs(), none_yet);
    const auto ended = runs_.ended() + copies_.runs().ended();
    if (!looked_ || clock.steady - *looked_ >= 1min || written != runs_written_ || ended != runs_ended_) {
        try {
            say_new(tell_news(now, outbox), news_troubles_);
            // Only once it was told: what could not be is tried again at once.
            looked_ = clock.steady;
            runs_written_ = written;
            runs_ended_ = ended;
        } catch (const std::exception& error) { // what waits goes out all the same
            say_new({std::string("can't tell how it is: ") + error.what()}, news_troubles_);
        }
    }
    say_new(outbox.round(clock.wall, stop), round_troubles_);
    const std::lock_guard lock(mutex_);
    notifications_ = outbox.status();
}

std::vector<std::string> Upkeep::tell_news(const Standing& now, telemetry::Outbox& outbox) {
    runs_.write_down(now.settings.runs());
    copies_.runs().write_down(now.settings.runs());
    const auto seen = view();
    const auto status = desk_.status(seen);
    if (!now.textfile.empty())
        write_textfile(now.textfile, status);
    auto troubles = teller_.tell(
        {.settings = now.settings,
         .status = status,
         .runbook = now.runbook,
         .log = sidecar_.last_lines ? sidecar_.last_lines() : "",
         .unwritten = seen.standing.unwritten},
        // What a run by hand wrote went to who started it.
        [&](const run::Ended& ended) -> std::optional<std::string> {
            const auto& runs = ended.told.kind == "replicate" ? copies_.runs() : runs_;
            return ended.planned.empty() ? "" : runs.printed(ended.told.kind, ended.planned);
        },
        outbox);
    const std::lock_guard lock(mutex_);
    since_ = teller_.since();
    return troubles;
}

// What goes on to fail is said once.
void Upkeep::say_new(const std::vector<std::string>& troubles, std::set<std::string>& before) const {
    std::set<std::string> now(troubles.begin(), troubles.end());
    for (const auto& each : now)
        if (!before.contains(each))
            sidecar_.say(each);
    before = std::move(now);
}

} // namespace miraclemax::serve
