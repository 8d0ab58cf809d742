// What is wrong, by the alerts' names: compose/monitoring/rules.yml says the same to Prometheus.
#include "run/status.hpp"

#include "telemetry/wording.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace miraclemax::run {
namespace {

using telemetry::Problem;
using telemetry::Severity;
using telemetry::Status;

constexpr auto day = std::chrono::hours(24);

// Since when there could have been a whole run, where there was none; nullopt: that is not known.
std::optional<telemetry::Time> waiting_since(const Status& status, const Standing& standing) {
    auto since = standing.since;
    const auto before = [&](const telemetry::Time& time) { since = std::min(since.value_or(time), time); };
    if (status.first_record)
        before(*status.first_record);
    if (!status.runs.empty())
        before(status.runs.front().at);
    if (!since || !status.runs.empty())
        return since;
    if (!status.tiers.empty() && !status.tiers.front().ok) // what there is could not be read
        return std::nullopt;
    for (const auto& each : status.components) // of single components, or of runs that no record tells of
        since = std::max(*since, each.last_good.value_or(*since));
    return since;
}

// That there was no whole run for so long, or empty.
std::string none_for(const Status& status, const Standing& standing, std::chrono::seconds limit) {
    const auto since = waiting_since(status, standing);
    if (!since || status.now - *since <= limit)
        return {};
    const bool any =
        !status.runs.empty() || std::any_of(status.components.begin(), status.components.end(),
                                            [](const auto& each) { return each.last_good.has_value(); });
    return any ? "no backup run was ever whole" : "there is no backup yet";
}

class Judge {
public:
    Judge(const Status& status, const Standing& standing) : status_(status), standing_(standing) {}

    std::vector<Problem> problems() {
        judge_runs();
        for (const auto& each : status_.components)
            judge(each);
        for (const auto& tier : status_.tiers)
            judge(tier);
        for (const auto& key : status_.keys)
            judge(key);
        if (!standing_.socket_ok)
            add(Severity::critical, "BackupFailed", "",
                "podman's socket can't be reached: " + standing_.socket_trouble);
        if (status_.notifications.waiting > 0 && status_.notifications.failed > 0)
            add(Severity::warning, "NotificationsFailing", "",
                fmt::format("{} messages could not be delivered yet", status_.notifications.waiting));
        std::stable_sort(problems_.begin(), problems_.end(), [](const Problem& one, const Problem& other) {
            return one.severity == Severity::critical && other.severity != Severity::critical;
        });
        return std::move(problems_);
    }

private:
    void add(Severity severity, const char* alert, const std::string& component, std::string text) {
        problems_.push_back(
            {.severity = severity, .alert = alert, .component = component, .text = std::move(text)});
    }

    void judge_runs() {
        for (const auto& each : status_.unreleased)
            add(Severity::critical, "ContainerNotBack", "", each);
        if (status_.last_run && !status_.last_run->ok)
            add(Severity::critical, "BackupFailed", "",
                "the last backup run was not whole: " +
                    (status_.last_run->message.empty() ? "exit code " + std::to_string(status_.last_run->code)
                                                       : status_.last_run->message));
        judge_age();
        judge_clock();
        if (status_.last_run && status_.last_run->ended - status_.last_run->began > std::chrono::hours(1))
            add(Severity::warning, "BackupDurationAnomaly", "", "the last backup took more than an hour");
    }

    [[nodiscard]] std::chrono::seconds limit() const { return stale_after(standing_); }

    [[nodiscard]] bool is_whole_fresh() const {
        return status_.last_success && status_.now - *status_.last_success <= limit();
    }

    [[nodiscard]] std::string old(const telemetry::Time& time) const {
        return telemetry::ago_text(time, status_.now) + " (" + telemetry::local_text(time) + " " +
               telemetry::zone_text(time) + ")";
    }

    void judge_age() {
        if (is_whole_fresh())
            return;
        if (status_.last_success)
            add(Severity::warning, "BackupStale", "",
                "the last backup run that was whole ended " + old(*status_.last_success));
        else if (const auto none = none_for(status_, standing_, limit()); !none.empty())
            add(Severity::warning, "BackupStale", "", none);
    }

    void judge_clock() {
        if (status_.ahead.empty())
            return;
        add(Severity::warning, "ClockAhead", "",
            "the clock says that these are of the future, and they are not counted: " +
                telemetry::first_names(status_.ahead));
    }

    // One that fails, or whose runs are not known, has the same limit as the whole. One that whole runs leave
    // out is told later, and not for ever: it was removed on purpose, or comes with `--full` only.
    void judge_age(const telemetry::ComponentStatus& each) {
        if (!each.last_good)
            return;
        const auto age = status_.now - *each.last_good;
        const bool tried = !each.last_ok || !status_.last_success;
        // By the runs: that no more come makes none of them younger.
        const auto behind = status_.last_success.value_or(*each.last_good) - *each.last_good;
        const bool left_out = behind > limit() + 6 * day && behind < limit() + 36 * day;
        if ((tried && age > limit()) || left_out)
            add(Severity::warning, "BackupStale", each.name,
                each.name + ": its last good backup was made " + old(*each.last_good));
    }

    void judge(const telemetry::ComponentStatus& each) {
        judge_age(each);
        if (!each.last_ok)
            add(Severity::critical, "BackupFailed", each.name, each.name + ": " + each.reason);
        if (!each.verify_trouble.empty())
            add(Severity::critical, "NotVerified", each.name,
                each.name + ": its archive is faulty: " + each.verify_trouble);
        std::vector<std::uint64_t> sizes;
        for (const auto& point : each.history)
            if (point.ok)
                sizes.push_back(point.stored);
        if (sizes.size() < 4 || !each.last_ok)
            return;
        const auto last = sizes.back();
        sizes.pop_back();
        std::nth_element(sizes.begin(), sizes.begin() + static_cast<std::ptrdiff_t>(sizes.size() / 2),
                         sizes.end());
        if (last * 2 < sizes[sizes.size() / 2])
            add(Severity::warning, "BackupSizeAnomaly", each.name,
                each.name + ": its archive is less than half of what it used to be");
    }

    // The rule of the same name: behind by more than a long run takes, for half a day.
    [[nodiscard]] bool lags(const telemetry::TierStatus& tier) const {
        const auto& newest = status_.tiers.front().newest;
        return newest && (!tier.newest || *newest - *tier.newest > std::chrono::hours(6)) &&
               status_.now - *newest > std::chrono::hours(12);
    }

    void judge(const telemetry::TierStatus& tier) {
        const bool local = tier.name == "local";
        if (!tier.ok && local)
            add(Severity::critical, "BackupFailed", "", tier.name + ": " + tier.trouble);
        else if (!tier.ok)
            add(Severity::warning, "TierLagging", "", "tier " + tier.name + ": " + tier.trouble);
        else if (lags(tier))
            add(Severity::warning, "TierLagging", "",
                "tier " + tier.name + " is behind: its newest backup was made " +
                    (tier.newest ? old(*tier.newest) : "never"));
        else if (tier.days_until_full && *tier.days_until_full < 7)
            add(Severity::warning, "DiskFilling", "",
                fmt::format("{}: full in {:.0f} days at the pace of the last two weeks", tier.name,
                            *tier.days_until_full));
    }

    void judge(const telemetry::KeyStatus& key) {
        if (!key.ok)
            add(Severity::critical, "KeyExpiring", "", "the key " + key.fingerprint + " " + key.trouble);
        else if (key.expires && *key.expires - status_.now < 30 * day)
            add(*key.expires - status_.now < 7 * day ? Severity::critical : Severity::warning, "KeyExpiring",
                "",
                "the key " + key.fingerprint + " expires within " +
                    (*key.expires - status_.now < 7 * day ? "a week" : "30 days"));
    }

    const Status& status_;
    const Standing& standing_;
    std::vector<Problem> problems_;
};

} // namespace

std::chrono::seconds stale_after(const Standing& standing) {
    return std::max<std::chrono::seconds>(2 * day, 2 * standing.expected_every);
}

std::string unhealthy(const Status& status, const Standing& standing) {
    if (!standing.socket_ok)
        return "podman's socket can't be reached: " + standing.socket_trouble;
    if (!status.unreleased.empty())
        return status.unreleased.front();
    // A run may take its time, and begin late after the host was off.
    const auto limit = standing.expected_every + standing.expected_every / 2;
    if (!status.last_success)
        return none_for(status, standing, limit);
    return status.now - *status.last_success > limit ? "the last whole backup run is too long ago" : "";
}

std::vector<Problem> problems_of(const Status& status, const Standing& standing) {
    return Judge(status, standing).problems();
}

} // namespace miraclemax::run
