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
        if (status_.runs.empty() || is_whole_fresh())
            return;
        if (status_.last_success)
            add(Severity::warning, "BackupStale", "",
                "the last backup run that was whole ended " + old(*status_.last_success));
        else if (status_.now - status_.runs.front().at > limit())
            add(Severity::warning, "BackupStale", "", "no backup run was ever whole");
    }

    // One that fails, or whose runs are not known, has the same limit as the whole. One that whole runs leave
    // out is told later, and not for ever: it was removed on purpose, or comes with `--full` only.
    void judge_age(const telemetry::ComponentStatus& each) {
        if (!each.last_good)
            return;
        const auto age = status_.now - *each.last_good;
        const bool tried = !each.last_ok || !status_.last_success;
        const bool left_out = is_whole_fresh() && age > limit() + 6 * day && age < limit() + 36 * day;
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

    void judge(const telemetry::TierStatus& tier) {
        if (!tier.ok)
            add(Severity::critical, "BackupFailed", "", tier.name + ": " + tier.trouble);
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
    if (status.runs.empty())
        return {};
    // A run may take its time, and begin late after the host was off.
    const auto limit = standing.expected_every + standing.expected_every / 2;
    if (!status.last_success)
        return status.now - status.runs.front().at > limit ? "no backup run was ever whole" : "";
    return status.now - *status.last_success > limit ? "the last whole backup run is too long ago" : "";
}

std::vector<Problem> problems_of(const Status& status, const Standing& standing) {
    return Judge(status, standing).problems();
}

} // namespace miraclemax::run
