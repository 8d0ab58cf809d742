#include "unit/telemetry/sample.hpp"

namespace miraclemax::telemetry {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr std::uint64_t mebi = 1024 * 1024;

std::vector<Point> history(Time last, std::uint64_t stored, std::int64_t freeze, std::size_t count) {
    std::vector<Point> out;
    for (std::size_t i = 0; i < count; ++i) {
        const auto wave = static_cast<std::int64_t>((i * 7919) % 23) - 11; // the same each time, but uneven
        out.push_back({.at = last - hours(24) * static_cast<int>(count - 1 - i),
                       .ok = true,
                       .stored = stored * (70 + i) / 100,
                       .freeze_milliseconds = freeze + freeze * wave / 40});
    }
    return out;
}

ComponentStatus component(const std::string& name, const std::string& category, const std::string& priority,
                          std::uint64_t stored, std::int64_t freeze) {
    const auto last = utc(2025, 10, 16, 1, 0, 10);
    ComponentStatus out;
    out.name = name;
    out.category = category;
    out.priority = priority;
    out.last_good = last;
    out.last_good_id = "20251016_030000";
    out.verified = utc(2025, 10, 12, 2, 30);
    out.history = history(last, stored, freeze, 30);
    out.stored = out.history.back().stored;
    out.bytes = out.stored * 3;
    out.files = stored / 100'000;
    out.freeze_milliseconds = out.history.back().freeze_milliseconds;
    return out;
}

} // namespace

Time utc(int year, unsigned month, unsigned day, int hour, int minute, int second) {
    const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(month),
                                           std::chrono::day(day)};
    return std::chrono::sys_days(date) + hours(hour) + minutes(minute) + seconds(second);
}

Status healthy_status() {
    Status out;
    out.now = utc(2025, 10, 16, 7);
    out.version = "0.1.0";
    out.instance = "miraclemax";
    out.host = "atlas.example.org";
    out.last_run = RunStatus{.id = "20251016_030000",
                             .message = "",
                             .began = utc(2025, 10, 16, 1, 0, 0),
                             .ended = utc(2025, 10, 16, 1, 0, 42),
                             .stored = 2'400 * mebi};
    out.last_success = out.last_run->ended;
    out.runs = history(out.last_run->began, 2'400 * mebi, 140, 30);
    out.durations_milliseconds.assign(30, 42'000);
    out.components = {
        component("postgres", "databases", "critical", 310 * mebi, 96),
        component("n8n", "databases", "critical", 46 * mebi, 74),
        component("vaultwarden", "secrets", "critical", 2 * mebi, 31),
        component("gitea", "volumes", "high", 890 * mebi, 140),
        component("grafana", "volumes", "medium", 21 * mebi, 44),
        component("nextcloud", "volumes", "medium", 1'100 * mebi, 118),
        component("paperless", "volumes", "medium", 640 * mebi, 88),
        component("traefik", "configuration", "low", 1 * mebi, 0),
        component("prometheus-data-of-the-monitoring-stack", "volumes", "low", 120 * mebi, 210),
    };
    out.components[0].restored = utc(2025, 10, 5, 4);
    out.tiers = {TierStatus{.name = "local",
                            .backups = 30,
                            .stored = 61'000 * mebi,
                            .free_bytes = 180'000 * mebi,
                            .days_until_full = 412.5,
                            .newest = utc(2025, 10, 16, 1),
                            .trouble = ""},
                 TierStatus{.name = "nas",
                            .backups = 88,
                            .stored = 160'000 * mebi,
                            .free_bytes = 1'900'000 * mebi,
                            .days_until_full = std::nullopt,
                            .newest = utc(2025, 10, 16, 1),
                            .trouble = ""}};
    out.keys = {KeyStatus{.fingerprint = "0123456789ABCDEF0123456789ABCDEF01234567",
                          .owner = "Backups <backups@example.org>",
                          .expires = utc(2027, 6, 1),
                          .trouble = ""}};
    out.next_runs = {{"backup", utc(2025, 10, 17, 1)}, {"verify", utc(2025, 10, 19, 2, 30)}};
    out.notifications = {.sent = 12, .failed = 0, .waiting = 0};
    return out;
}

Status troubled_status() {
    Status out = healthy_status();
    out.last_run->ok = false;
    out.last_run->code = 3;
    out.last_run->message = "1 of 9 components could not be backed up";
    out.last_success = utc(2025, 10, 13, 1, 0, 39);
    auto& n8n = out.components[1];
    n8n.last_ok = false;
    n8n.reason = "container n8n-worker could not be paused: cgroup freezer is not available";
    n8n.last_good = utc(2025, 10, 13, 1, 0, 12);
    n8n.last_good_id = "20251013_030000";
    n8n.stored = 0;
    n8n.files = 0;
    n8n.bytes = 0;
    for (std::size_t i = 27; i < 30; ++i) {
        out.runs[i].ok = n8n.history[i].ok = false;
        n8n.history[i].stored = 0;
    }
    out.runs[9].ok = false;
    out.components[4].changed = 2;
    out.components[4].skipped = 1;
    out.components[6].verified.reset();
    out.components[5].verify_trouble = "the archive does not match its inventory: 3 entries differ";
    out.components[7].last_good.reset();
    out.components[7].history.clear();
    out.tiers[1].newest = utc(2025, 10, 14, 1);
    out.tiers[1].days_until_full = 17.2;
    out.tiers.push_back({.name = "offsite",
                         .backups = 12,
                         .stored = 20'000 * mebi,
                         .free_bytes = 0,
                         .newest = utc(2025, 9, 30, 1),
                         .ok = false,
                         .trouble = "can't reach sftp://offsite.example.org: connection refused"});
    out.keys.push_back({.fingerprint = "89ABCDEF0123456789ABCDEF0123456789ABCDEF",
                        .owner = "Old key",
                        .expires = utc(2025, 10, 1),
                        .ok = false,
                        .trouble = "expired"});
    out.unreleased = {"n8n-worker"};
    out.notifications = {.sent = 12, .failed = 1, .waiting = 2};
    out.problems = {{.severity = Severity::critical,
                     .alert = "ContainerNotRestored",
                     .component = "n8n",
                     .text = "Container n8n-worker is not as it was before the run 20251016_030000."},
                    {.severity = Severity::critical,
                     .alert = "BackupFailed",
                     .component = "n8n",
                     .text = "n8n was not backed up for 3 days: container n8n-worker could not be paused."},
                    {.alert = "TierLagging",
                     .component = "",
                     .text = "Tier offsite has no newer backup than that of 30 September."}};
    return out;
}

} // namespace miraclemax::telemetry
