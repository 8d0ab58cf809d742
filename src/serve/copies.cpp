#include "serve/copies.hpp"

#include "error.hpp"
#include "run/moment.hpp"

#include <algorithm>

namespace miraclemax::serve {
namespace {

using namespace std::chrono_literals;

constexpr auto pause = 1min;
constexpr unsigned most_tries = 2; // of one that is cut off each time

Plans of_copies(Plans plans) {
    plans.jobs = std::move(plans.copies);
    return plans;
}

bool ended_by_itself(const catalog::RunRecord& record) {
    return !record.ended.empty() && record.code != static_cast<int>(ExitCode::interrupted);
}

} // namespace

std::optional<Moment> backup_to_follow(const std::vector<catalog::RunRecord>& records) {
    std::string newest;
    for (const auto& each : records)
        if (each.kind == "backup" && !each.id.empty() && !each.ended.empty())
            newest = std::max(newest, each.ended);
    unsigned tries = 0;
    for (const auto& each : records) {
        if (each.kind != "replicate" || each.partial)
            continue;
        if (each.planned == newest && (ended_by_itself(each) || ++tries >= most_tries))
            return std::nullopt;
        if (each.began >= newest && ended_by_itself(each) && each.code == 0)
            return std::nullopt;
    }
    return run::second_of(newest);
}

Copies::Copies(const Sidecar& sidecar, const std::filesystem::path& memory, Plans plans)
    : sidecar_(sidecar), after_backup_(plans.copy_after_backup),
      keeper_(memory, of_copies(std::move(plans)), sidecar.say), runs_(sidecar) {}

void Copies::replace(Plans plans) {
    after_backup_ = plans.copy_after_backup;
    keeper_.replace(of_copies(std::move(plans)));
}

void Copies::round(const run::Settings& settings, const std::stop_token& stop) {
    keeper_.round(sidecar_.clock(), [&](const DueRun& due) { return runs_.run(due, settings.runs(), stop); });
    if (after_backup_)
        follow(settings, stop);
}

// What is due is told by the records, so that a restart forgets nothing.
void Copies::follow(const run::Settings& settings, const std::stop_token& stop) {
    std::error_code none_yet;
    const auto written = std::filesystem::last_write_time(settings.runs(), none_yet);
    const auto now = sidecar_.clock().steady;
    if (none_yet || (written == seen_ && (!due_ || now < wait_until_)))
        return;
    const auto backup = backup_to_follow(catalog::RunRecords(settings.runs()).all());
    seen_ = written;
    due_ = backup.has_value();
    if (!backup || (backup == tried_ && now < wait_until_))
        return;
    tried_ = backup;
    runs_.run({.job = "replicate", .planned = *backup, .missed = 0}, settings.runs(), stop);
    // It was busy, or its record could not be written: not again and again.
    wait_until_ = sidecar_.clock().steady + pause;
}

} // namespace miraclemax::serve
