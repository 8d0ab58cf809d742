#include "telemetry/metrics.hpp"

#include "stream/file.hpp"
#include "telemetry/wording.hpp"

#include <prometheus/text_serializer.h>

#include <deque>
#include <functional>

namespace miraclemax::telemetry {
namespace {

using Labels = std::vector<prometheus::ClientMetric::Label>;

double seconds(Time time) {
    return std::chrono::duration<double>(time.time_since_epoch()).count();
}
double seconds(std::int64_t milliseconds) {
    return static_cast<double>(milliseconds) / 1000;
}

// One name with its samples. What has no samples is not written at all.
class Family {
public:
    Family(std::string name, std::string help) {
        family_.name = "miraclemax_" + std::move(name);
        family_.help = std::move(help);
        family_.type = prometheus::MetricType::Gauge;
    }
    Family& counter() {
        family_.type = prometheus::MetricType::Counter;
        return *this;
    }
    void add(double value, Labels labels = {}) {
        for (auto& label : labels)
            label.value = valid_utf8(label.value);
        prometheus::ClientMetric metric;
        metric.label = std::move(labels);
        metric.gauge.value = value;
        metric.counter.value = value;
        family_.metric.push_back(std::move(metric));
    }
    void add(const std::optional<Time>& time, Labels labels = {}) {
        if (time)
            add(seconds(*time), std::move(labels));
    }
    [[nodiscard]] const prometheus::MetricFamily& family() const { return family_; }

private:
    prometheus::MetricFamily family_;
};

class Families {
public:
    Family& operator()(std::string name, std::string help) {
        return families_.emplace_back(std::move(name), std::move(help));
    }
    [[nodiscard]] std::string text() const {
        std::vector<prometheus::MetricFamily> all;
        for (const auto& each : families_)
            if (!each.family().metric.empty())
                all.push_back(each.family());
        return prometheus::TextSerializer().Serialize(all);
    }

private:
    std::deque<Family> families_; // references into it stay good
};

// What the last backup takes. A run that stored nothing is no backup: the one before it counts.
std::optional<std::uint64_t> last_stored(const Status& status) {
    if (status.last_run && status.last_run->stored > 0)
        return status.last_run->stored;
    for (auto run = status.runs.rbegin(); run != status.runs.rend(); ++run)
        if (run->stored > 0)
            return run->stored;
    return std::nullopt;
}

void add_runs(Families& add, const Status& status) {
    add("build_info", "Always 1; the label is the version.").add(1, {{"version", status.version}});
    auto& success = add("backup_success", "1: the last backup run was whole, 0: it was not.");
    if (status.last_run)
        success.add(status.last_run->ok ? 1 : 0);
    add("backup_timestamp", "End of the last whole backup run, in seconds since 1970.")
        .add(status.last_success);
    auto& size = add("backup_size_bytes", "Bytes that the last backup takes as it is stored.");
    if (const auto stored = last_stored(status))
        size.add(static_cast<double>(*stored));
    auto& duration = add("backup_duration_seconds", "How long the last backup run took.");
    auto& code = add("last_run_exit_code", "Exit code of the last backup run, as the README tells them.");
    if (status.last_run) {
        duration.add(std::chrono::duration<double>(status.last_run->ended - status.last_run->began).count());
        code.add(status.last_run->code);
    }
    add("containers_not_restored", "Containers that a run froze and that are not as they were before.")
        .add(static_cast<double>(status.unreleased.size()));
    auto& next = add("next_run_timestamp_seconds", "When the job runs next, in seconds since 1970.");
    for (const auto& [job, time] : status.next_runs)
        next.add(time, {{"run", job}}); // `job` is Prometheus' own label
}

bool was_tried(const ComponentStatus& component) {
    return component.last_good || !component.last_ok || !component.history.empty();
}

// A number of the last try; a component that was never tried has none.
void add_tried(Families& add, const Status& status, const std::string& name, const std::string& help,
               const std::function<double(const ComponentStatus&)>& value) {
    auto& family = add("component_" + name, help);
    for (const auto& each : status.components)
        if (was_tried(each))
            family.add(value(each), {{"component", each.name}});
}

void add_components(Families& add, const Status& status) {
    auto& good = add("component_last_good_timestamp_seconds",
                     "When the newest whole archive of the component was made, in seconds since 1970.");
    for (const auto& each : status.components)
        good.add(each.last_good, {{"component", each.name}, {"category", each.category}});
    add_tried(add, status, "success", "1: the last try to back the component up was whole, 0: it was not.",
              [](const auto& each) { return each.last_ok ? 1 : 0; });
    add_tried(add, status, "freeze_seconds",
              "How long the component's containers stood still in the last try.",
              [](const auto& each) { return seconds(each.freeze_milliseconds); });
    add_tried(add, status, "stored_bytes", "Bytes that the component's archive takes as it is stored.",
              [](const auto& each) { return static_cast<double>(each.stored); });
    add_tried(add, status, "read_bytes", "Bytes of file content that the last try read.",
              [](const auto& each) { return static_cast<double>(each.bytes); });
    add_tried(add, status, "files", "Files that the last try archived.",
              [](const auto& each) { return static_cast<double>(each.files); });
    add_tried(add, status, "skipped_entries", "Entries that the last try left out, such as sockets.",
              [](const auto& each) { return static_cast<double>(each.skipped); });
    add_tried(add, status, "changed_entries", "Entries that changed while the last try read them.",
              [](const auto& each) { return static_cast<double>(each.changed); });
    auto& verified = add("component_verified_timestamp_seconds",
                         "When the newest archive was last decrypted and compared, in seconds since 1970.");
    auto& proven = add("component_verify_success", "1: the last proof found nothing wrong, 0: it did.");
    auto& restored = add("component_restored_timestamp_seconds",
                         "When the component was last restored or rehearsed, in seconds since 1970.");
    for (const auto& each : status.components) {
        verified.add(each.verified, {{"component", each.name}});
        restored.add(each.restored, {{"component", each.name}});
        if (each.verified || !each.verify_trouble.empty())
            proven.add(each.verify_trouble.empty() ? 1 : 0, {{"component", each.name}});
    }
}

void add_tiers(Families& add, const Status& status) {
    auto& up = add("tier_up", "1: the tier can be reached and used, 0: it can't.");
    auto& backups = add("tier_backups", "Backups that are in the tier.");
    auto& stored = add("tier_stored_bytes", "Bytes that the tier's backups take.");
    auto& free = add("tier_free_bytes", "Bytes that are free where the tier lies.");
    auto& newest = add("tier_newest_timestamp_seconds",
                       "Time of the newest backup that is in the tier, in seconds since 1970.");
    auto& full =
        add("tier_until_full_seconds", "How long until the tier is full, at the pace of the last 14 days.");
    for (const auto& each : status.tiers) {
        const Labels labels{{"tier", each.name}};
        up.add(each.ok ? 1 : 0, labels);
        newest.add(each.newest, labels);
        if (!each.ok) // what can't be reached was not measured
            continue;
        backups.add(static_cast<double>(each.backups), labels);
        stored.add(static_cast<double>(each.stored), labels);
        free.add(static_cast<double>(each.free_bytes), labels);
        if (each.days_until_full)
            full.add(*each.days_until_full * 86400, labels); // Prometheus' base unit
    }
}

void add_keys_and_messages(Families& add, const Status& status) {
    auto& usable = add("key_usable", "1: backups can be encrypted to the key, 0: they can't.");
    auto& expiry = add("key_expiry_timestamp_seconds", "When the key expires, in seconds since 1970.");
    for (const auto& each : status.keys) {
        usable.add(each.ok ? 1 : 0, {{"fingerprint", each.fingerprint}});
        expiry.add(each.expires, {{"fingerprint", each.fingerprint}});
    }
    const auto& messages = status.notifications;
    add("notifications_sent_total", "Messages that were delivered.")
        .counter()
        .add(static_cast<double>(messages.sent));
    add("notifications_failed_total", "Messages that were given up.")
        .counter()
        .add(static_cast<double>(messages.failed));
    add("notifications_waiting", "Messages that wait for another try.")
        .add(static_cast<double>(messages.waiting));
}

} // namespace

std::string metrics_text(const Status& status) {
    Families families;
    add_runs(families, status);
    add_components(families, status);
    add_tiers(families, status);
    add_keys_and_messages(families, status);
    return families.text();
}

void write_textfile(const std::filesystem::path& path, const Status& status) {
    stream::replace_file(path, metrics_text(status), 0644);
}

} // namespace miraclemax::telemetry
