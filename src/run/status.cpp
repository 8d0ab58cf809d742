#include "run/status.hpp"

#include "catalog/catalog.hpp"
#include "catalog/proofs.hpp"
#include "catalog/run_record.hpp"
#include "component/component.hpp"
#include "error.hpp"
#include "run/emptied.hpp"
#include "run/ended_runs.hpp"
#include "run/keys.hpp"
#include "run/moment.hpp"
#include "run/tier_look.hpp"
#include "run/unreleased.hpp"
#include "store/backup_folder.hpp"

#include <algorithm>

namespace miraclemax::run {
namespace {

using telemetry::ComponentStatus;
using telemetry::Point;
using telemetry::Status;
using telemetry::Time;

constexpr std::size_t shown = 30;

template<class List> void keep_last(List& list) {
    if (list.size() > shown)
        list.erase(list.begin(), list.end() - static_cast<std::ptrdiff_t>(shown));
}

class Collector {
public:
    Collector(const Settings& settings, Status& status) : settings_(settings), status_(status) {}

    void collect(const store::BackupFolder& folder) {
        const auto records = catalog::Catalog(folder).records();
        const catalog::Proofs proofs(settings_.proofs());
        for (const auto& record : records)
            if (record.manifest && !note_ahead(record.manifest->ended_utc, "backup " + record.id))
                add(*record.manifest, proofs.of(record.id));
        status_.tiers.push_back(measure(settings_, "local", folder, records, status_.now));
    }

    // As they were found last: a share that hangs must not hang this.
    void collect_tiers() {
        for (const auto& tier : settings_.tiers)
            if (auto look = last_look(settings_, tier.name))
                status_.tiers.push_back(std::move(look->status));
            else
                status_.tiers.push_back(
                    {.name = tier.name, .ok = false, .trouble = "no replication has been there yet"});
    }

    void collect_runs(const std::vector<catalog::RunRecord>& unwritten) {
        for (const auto& record : all_records(settings_, unwritten)) {
            if (note_ahead(std::max(record.began, record.ended), "run " + record.run))
                continue;
            if (const auto began = moment_of(record.began); began && *began > set_clock)
                status_.first_record = std::min(*began, status_.first_record.value_or(*began));
            if (record.kind == "backup")
                add_backup(record);
            else if (record.kind == "restore" || record.kind == "drill")
                add_restore(record);
        }
        count_week();
        keep_last(status_.runs);
        keep_last(status_.durations_milliseconds);
    }

    void finish() {
        for (auto& [name, each] : components_) {
            keep_last(each.history);
            status_.components.push_back(std::move(each));
        }
        std::stable_sort(
            status_.components.begin(), status_.components.end(),
            [](const ComponentStatus& one, const ComponentStatus& other) {
                const auto rank = [](const ComponentStatus& each) {
                    return component::priority_from(each.priority).value_or(component::Priority::low);
                };
                return rank(one) < rank(other);
            });
    }

private:
    bool note_ahead(const std::string& utc, const std::string& what) {
        const auto at = moment_of(utc);
        if (!at || !is_ahead(*at, status_.now))
            return false;
        status_.ahead.push_back(what);
        return true;
    }

    void count_week() {
        for (const auto& run : status_.runs)
            if (run.at > status_.now - std::chrono::days(7) && run.at <= status_.now) {
                ++status_.week.runs;
                status_.week.whole += run.ok ? 1 : 0;
                status_.week.stored += run.stored;
            }
    }

    ComponentStatus& component(const std::string& name) {
        auto& each = components_[name];
        each.name = name;
        return each;
    }

    void add(const catalog::Manifest& manifest, const std::optional<catalog::Proof>& proof) {
        for (const auto& record : manifest.components) {
            auto& each = component(record.name);
            each.category = record.category;
            each.priority = record.priority;
            if (!record.complete)
                continue;
            each.last_good = moment_of(manifest.ended_utc);
            each.last_good_id = manifest.id;
            if (!proof)
                continue;
            if (const auto found = proof->components.find(record.name); found != proof->components.end()) {
                if (const auto at = moment_of(found->second.at))
                    each.verified = at;
                if (!found->second.trouble.empty())
                    each.verify_trouble = manifest.id + ": " + found->second.trouble;
            }
            if (!proof->examined_trouble.empty())
                each.verify_trouble = manifest.id + ": " + proof->examined_trouble;
        }
    }

    void add_backup(const catalog::RunRecord& record) {
        const auto run = run_status(record);
        if (run.killed && going_on(record, status_.now)) {
            status_.under_way = run.began;
            return;
        }
        std::int64_t longest = 0;
        for (const auto& each : record.components) {
            longest = std::max(longest, each.freeze_milliseconds);
            auto& known = component(each.name);
            known.last_ok = each.ok;
            known.reason = each.reason;
            known.stored = each.stored;
            known.bytes = each.bytes;
            known.files = each.files;
            known.skipped = each.skipped;
            known.changed = each.changed;
            known.freeze_milliseconds = each.freeze_milliseconds;
            known.history.push_back({.at = run.ended,
                                     .ok = each.ok,
                                     .stored = each.stored,
                                     .freeze_milliseconds = each.freeze_milliseconds});
        }
        if (record.partial) // it tells of its components alone
            return;
        status_.runs.push_back(
            {.at = run.ended, .ok = run.ok, .stored = run.stored, .freeze_milliseconds = longest});
        status_.durations_milliseconds.push_back(
            std::chrono::duration_cast<std::chrono::milliseconds>(run.ended - run.began).count());
        status_.last_run = run;
        if (run.ok)
            status_.last_success = run.ended;
    }

    void add_restore(const catalog::RunRecord& record) {
        if (!run_status(record).ok)
            return;
        for (const auto& each : record.components)
            component(each.name).restored = moment_of(record.ended);
    }

    const Settings& settings_;
    Status& status_;
    std::map<std::string, ComponentStatus> components_;
};

} // namespace

std::vector<telemetry::KeyStatus> key_status(const Settings& settings) {
    std::vector<telemetry::KeyStatus> keys;
    try {
        for (const auto& key : load_keys(settings).recipients)
            keys.push_back(
                {.fingerprint = key.fingerprint.empty() ? key.wanted : key.fingerprint,
                 .owner = key.owner,
                 .expires = key.expires,
                 .ok = key.fault == openpgp::Fault::none,
                 .trouble = key.fault == openpgp::Fault::none ? "" : openpgp::sentence(key.fault)});
    } catch (const std::exception& error) {
        keys.push_back({.ok = false, .trouble = error.what()});
    }
    return keys;
}

Status status_of(const Settings& settings, const Standing& standing, std::vector<telemetry::KeyStatus> keys,
                 Time now) {
    Status status{
        .now = now, .version = MIRACLEMAX_VERSION, .instance = settings.instance, .host = standing.host};
    Collector collector(settings, status);
    try {
        collector.collect(store::BackupFolder(settings.backups));
    } catch (const std::exception& error) {
        status.tiers.push_back({.name = "local", .ok = false, .trouble = error.what()});
    }
    collector.collect_tiers();
    collector.collect_runs(standing.unwritten);
    collector.finish();
    status.unreleased = unreleased(settings);
    for (const auto& each : emptied_by_the_dead(settings))
        status.unreleased.push_back(each.component.component + " " + each.what);
    status.keys = std::move(keys);
    status.next_runs = standing.next_runs;
    status.notifications = standing.notifications;
    status.problems = problems_of(status, standing);
    return status;
}

} // namespace miraclemax::run
