#include "run/ended_runs.hpp"

#include "error.hpp"
#include "run/context.hpp"
#include "run/moment.hpp"

#include <algorithm>
#include <fstream>
#include <map>

namespace miraclemax::run {
namespace {

using telemetry::EndedRun;
using telemetry::Time;

bool is_told(const catalog::RunRecord& record) {
    if (record.partial || (record.kind != "backup" && record.kind != "verify" && record.kind != "replicate"))
        return false;
    if (record.kind == "backup")
        return true;
    if (record.code == static_cast<int>(ExitCode::interrupted)) // a planned one is due again
        return false;
    if (record.kind == "replicate")
        return !record.planned.empty() || !record.ended.empty();
    // A wrong key is a matter of who sits there.
    return !record.planned.empty() ||
           (!record.ended.empty() &&
            (record.code == 0 || record.code == static_cast<int>(ExitCode::damaged) ||
             record.code == static_cast<int>(ExitCode::untrusted)));
}

class Teller {
public:
    explicit Teller(const telemetry::Status& status) : status_(status) {}

    Ended tell(const catalog::RunRecord& record) {
        EndedRun told{.name = record.run + (record.ended.empty() ? "-killed" : ""),
                      .kind = record.kind,
                      .run = run_status(record),
                      .failed = {},
                      .last_success = last_success_[record.kind],
                      .log = {}};
        for (const auto& each : record.components)
            if (!each.ok)
                told.failed.push_back(part_of(each, told.run.ended));
        if (told.run.ok)
            last_success_[record.kind] = told.run.ended;
        return {.told = std::move(told), .planned = record.planned};
    }

    // Partial runs too make good archives.
    void note(const catalog::RunRecord& record) {
        if (record.kind != "backup" || record.id.empty())
            return;
        for (const auto& each : record.components)
            if (each.ok)
                good_[each.name] = {.at = moment_of(record.ended), .id = record.id};
    }

private:
    struct Good {
        std::optional<Time> at;
        std::string id;
    };

    // The catalogue knows also what no record tells of any more; but of what came after the run it says
    // nothing.
    EndedRun::Part part_of(const catalog::RunComponent& component, Time ended) {
        EndedRun::Part part{.name = component.name,
                            .reason = component.reason,
                            .last_good = good_[component.name].at,
                            .last_good_id = good_[component.name].id};
        for (const auto& each : status_.components)
            if (each.name == component.name && each.last_good && *each.last_good <= ended) {
                part.last_good = each.last_good;
                part.last_good_id = each.last_good_id;
            }
        return part;
    }

    const telemetry::Status& status_;
    std::map<std::string, std::optional<Time>> last_success_; // by kind
    std::map<std::string, Good> good_;                        // by component
};

} // namespace

bool going_on(const catalog::RunRecord& record, Time now) {
    const auto pid = pid_of_run(record.run);
    if (!pid || now - moment_of(record.began).value_or(Time{}) > std::chrono::hours(48))
        return false;
    std::ifstream file("/proc/" + std::to_string(*pid) + "/cmdline");
    for (std::string word; std::getline(file, word, '\0');)
        if (word == record.kind || word.ends_with("miraclemax-" + record.kind))
            return true;
    return false;
}

telemetry::RunStatus run_status(const catalog::RunRecord& record) {
    const bool killed = record.ended.empty();
    const auto began = moment_of(record.began).value_or(Time{});
    return {.id = record.id.empty() ? record.run : record.id,
            .published = !record.id.empty(),
            .planned = !record.planned.empty(),
            .ok = !killed && record.code == 0,
            .killed = killed,
            .code = record.code,
            .message = killed ? "the run was killed" : record.message,
            .began = began,
            .ended = moment_of(record.ended).value_or(began),
            .stored = record.stored};
}

std::vector<catalog::RunRecord> all_records(const Settings& settings,
                                            const std::vector<catalog::RunRecord>& unwritten) {
    auto records = catalog::RunRecords(settings.runs()).all();
    for (const auto& each : unwritten) // one may have been written just now
        if (std::none_of(records.begin(), records.end(),
                         [&](const auto& record) { return record.run == each.run; }))
            records.push_back(each);
    std::stable_sort(records.begin(), records.end(),
                     [](const auto& one, const auto& other) { return one.began < other.began; });
    return records;
}

std::vector<Ended> ended_runs(const Settings& settings, const telemetry::Status& status,
                              const std::vector<catalog::RunRecord>& unwritten) {
    auto records = all_records(settings, unwritten);
    std::erase_if(records,
                  [&](const auto& each) { return each.ended.empty() && going_on(each, status.now); });
    const auto end_of = [](const catalog::RunRecord& each) {
        return each.ended.empty() ? each.began : each.ended;
    };
    std::stable_sort(records.begin(), records.end(),
                     [&](const auto& one, const auto& other) { return end_of(one) < end_of(other); });
    std::vector<Ended> ended;
    Teller teller(status);
    for (const auto& record : records) {
        if (is_told(record))
            ended.push_back(teller.tell(record));
        teller.note(record);
    }
    return ended;
}

} // namespace miraclemax::run
