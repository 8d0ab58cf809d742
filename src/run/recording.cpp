#include "run/recording.hpp"

#include <filesystem>
#include <map>

namespace miraclemax::run {
namespace {

constexpr std::size_t most = 700; // of each kind: years of nights, a week of quarters of an hour

std::string now() {
    return utc_time(std::chrono::system_clock::now());
}

class Recording {
public:
    Recording(const Settings& settings, const std::function<void(const std::string&)>& warn)
        : records_(settings.runs()), warn_(warn) {}

    void keep(const catalog::RunRecord& record) {
        try {
            records_.keep(record);
        } catch (const std::exception& error) {
            warn_(std::string("this run can't be recorded: ") + error.what());
        }
    }
    void end(catalog::RunRecord& record, ExitCode code, const std::string& message) {
        record.ended = now();
        record.code = static_cast<int>(code);
        record.message = message;
        keep(record);
        records_.trim(most);
    }
    void forget(const Settings& settings, const catalog::RunRecord& record) {
        std::error_code trouble;
        std::filesystem::remove(settings.runs() / (record.run + ".json"), trouble);
    }

private:
    catalog::RunRecords records_;
    const std::function<void(const std::string&)>& warn_;
};

catalog::RunComponent of(const catalog::ComponentRecord& each) {
    catalog::RunComponent component{.name = each.name,
                                    .ok = each.complete && each.freeze.consistent,
                                    .freeze_milliseconds = each.freeze.milliseconds,
                                    .bytes = each.entries.bytes,
                                    .stored = each.archive.file.size,
                                    .files = each.entries.files,
                                    .skipped = each.entries.unreadable + each.entries.elsewhere +
                                               each.entries.skipped,
                                    .changed = each.entries.changed};
    if (!each.complete)
        component.reason = std::to_string(each.entries.changed) + " entries changed while they were read, " +
                           std::to_string(each.entries.unreadable) + " could not be read";
    else if (!each.freeze.consistent)
        component.reason = "the members of its group were not read in one freeze";
    return component;
}

} // namespace

ExitCode recorded(const Settings& settings, const std::string& kind, const std::string& planned,
                  const std::function<void(const std::string&)>& warn,
                  const std::function<ExitCode(catalog::RunRecord&)>& act) {
    catalog::RunRecord record{.run = new_run_name(), .kind = kind, .began = now(), .planned = planned};
    Recording recording(settings, warn);
    recording.keep(record);
    try {
        const auto code = act(record);
        recording.end(record, code, record.message);
        return code;
    } catch (const Error& error) {
        if (error.code() == ExitCode::busy || error.code() == ExitCode::usage)
            recording.forget(settings, record);
        else
            recording.end(record, error.code(), error.what());
        throw;
    } catch (const std::exception& error) {
        recording.end(record, ExitCode::failed, error.what());
        throw;
    }
}

void describe(catalog::RunRecord& record, const BackupResult& result) {
    record.id = result.published ? result.manifest.id : "";
    record.partial = result.manifest.partial;
    for (const auto& each : result.manifest.components) {
        record.components.push_back(of(each));
        record.stored += each.archive.file.size + each.inventory.size + each.report.size;
    }
    for (const auto& each : result.manifest.failed) {
        record.components.push_back({.name = each.name, .ok = false, .reason = each.reason});
        if (record.message.empty())
            record.message = each.name + ": " + each.reason;
    }
    for (const auto& each : record.components)
        if (!each.ok && record.message.empty())
            record.message = each.name + ": " + each.reason;
    record.unreleased = result.unreleased;
    if (!result.unreleased.empty())
        record.message = result.unreleased.front();
}

void describe(catalog::RunRecord& record, const RestoreResult& result) {
    for (const auto& each : result.items) {
        record.components.push_back({.name = each.component, .ok = each.ok(), .reason = each.failure});
        if (!each.ok() && record.message.empty())
            record.message = each.component + ": " + each.failure;
    }
    record.unreleased = result.unreleased;
    if (!result.unreleased.empty())
        record.message = result.unreleased.front();
}

void describe(catalog::RunRecord& record, const VerifyResult& result) {
    std::map<std::string, std::string> faulty;
    const auto found = [&](const std::string& id, const std::string& component, const std::string& what) {
        if (record.message.empty() || component.empty())
            record.message = id + ": " + what;
        if (!component.empty())
            faulty[component] = id + ": " + what;
    };
    for (const auto& backup : result.backups) { // the oldest first
        const auto& id = backup.examination.id;
        for (const auto& fault : backup.examination.faults)
            found(id, fault.component, fault.where + ": " + fault.what);
        for (const auto& each : backup.rehearsals)
            if (each.code != ExitCode::ok)
                found(id, each.component, each.trouble);
    }
    for (const auto& [name, reason] : faulty)
        record.components.push_back({.name = name, .ok = false, .reason = reason});
    if (result.code() != ExitCode::ok && record.message.empty())
        record.message = "there is no backup that could be verified";
}

void describe(catalog::RunRecord& record, const ReplicateResult& result) {
    for (const auto& each : result.tiers) {
        record.stored += each.bytes;
        if (const auto what = each.summary(); !what.empty())
            record.message += (record.message.empty() ? "" : "; ") + each.tier + ": " + what;
    }
}

} // namespace miraclemax::run
