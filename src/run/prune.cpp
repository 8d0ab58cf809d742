#include "run/prune.hpp"

#include "catalog/catalog.hpp"
#include "catalog/proofs.hpp"
#include "error.hpp"
#include "run/examination.hpp"
#include "run/moment.hpp"
#include "run/removals.hpp"
#include "run/witness.hpp"

#include "component/paths.hpp"

#include <algorithm>

namespace miraclemax::run {
namespace {

using std::chrono::sys_seconds;

// A clock that was put far forward makes everything look old at once. After so long without a backup nothing
// is removed until backups have come in for a while again.
constexpr auto long_gap = std::chrono::hours(20 * 24);
constexpr auto regained = std::chrono::hours(7 * 24);

std::optional<sys_seconds> moment(const std::string& utc) {
    const auto at = moment_of(utc);
    return at ? std::optional(std::chrono::floor<std::chrono::seconds>(*at)) : std::nullopt;
}

bool jumped(const std::vector<catalog::RetentionRecord>& records, sys_seconds now) {
    std::vector<sys_seconds> times;
    for (const auto& each : records)
        if (each.readable)
            times.push_back(each.ended);
    std::sort(times.begin(), times.end());
    std::chrono::seconds usual = long_gap; // twice the longest gap before: a monthly backup is no jump
    for (std::size_t i = 1; i < times.size(); ++i) {
        const auto gap = times[i] - times[i - 1];
        if (gap > usual && times.back() - times[i] < regained)
            return true;
        usual = std::max<std::chrono::seconds>(usual, 2 * gap);
    }
    return !times.empty() && now - times.back() > usual;
}

bool faulty(const std::optional<catalog::Proof>& proof, const std::string& component) {
    if (!proof)
        return false;
    if (proof->damaged.count(component) != 0)
        return true;
    const auto rehearsal = proof->components.find(component);
    return rehearsal != proof->components.end() && !rehearsal->second.trouble.empty();
}

catalog::RetentionRecord of(const catalog::Record& record, const catalog::Proofs& proofs, bool pinned) {
    catalog::RetentionRecord kept{
        .id = record.id, .ended = {}, .pinned = pinned, .readable = false, .components = {}};
    if (!record.manifest)
        return kept;
    const auto ended = moment(record.manifest->ended_utc);
    kept.readable = ended.has_value();
    kept.ended = ended.value_or(sys_seconds{});
    const auto proof = proofs.of(record.id);
    for (const auto& each : record.manifest->components)
        kept.components.push_back({.name = each.name,
                                   .good = each.complete && !faulty(proof, each.name),
                                   .base = each.archive.base,
                                   .size = each.archive.file.size});
    for (const auto& each : record.manifest->failed)
        kept.components.push_back({.name = each.name});
    return kept;
}

bool is_of(const catalog::ContentSource& source, const component::Configured& configured) {
    return configured.volume.empty() ? source.path == component::normalised(configured.path)
                                     : source.kind == "volume" && source.volume == configured.volume;
}

std::optional<catalog::RetentionRules> own_rules(const component::Keep& keep,
                                                 const catalog::RetentionRules& standard) {
    const bool silent = !keep.days && !keep.last && !keep.hourly && !keep.daily && !keep.weekly &&
                        !keep.monthly && !keep.yearly;
    if (silent)
        return std::nullopt;
    return catalog::RetentionRules{.days = keep.days.value_or(standard.days),
                                   .last = keep.last.value_or(standard.last),
                                   .hourly = keep.hourly.value_or(standard.hourly),
                                   .daily = keep.daily.value_or(standard.daily),
                                   .weekly = keep.weekly.value_or(standard.weekly),
                                   .monthly = keep.monthly.value_or(standard.monthly),
                                   .yearly = keep.yearly.value_or(standard.yearly)};
}

// Retention goes by names, and a name may come from a label: the manifests tell whose it was, the newest
// last.
catalog::RetentionPolicy policy_of(const Settings& settings, const std::vector<catalog::Record>& records) {
    auto policy = settings.retention;
    std::vector<std::pair<const component::Configured*, catalog::RetentionRules>> own;
    for (const auto& each : settings.configured)
        if (const auto rules = own_rules(each.keep, policy.rules))
            own.emplace_back(&each, *rules);
    for (const auto& record : records)
        for (const auto& held :
             record.manifest ? record.manifest->components : std::vector<catalog::ComponentRecord>{})
            for (const auto& [configured, rules] : own)
                if (is_of(held.source, *configured))
                    policy.components[held.name] = rules;
    for (const auto& [configured, rules] : own)
        if (configured->choice.component)
            policy.components[*configured->choice.component] = rules;
    return policy;
}

class Pruning {
public:
    Pruning(const Settings& settings, store::BackupFolder& folder, std::chrono::system_clock::time_point now,
            const std::stop_token& stop)
        : settings_(settings), folder_(folder), proofs_(settings.proofs()),
          now_(std::chrono::floor<std::chrono::seconds>(now)), stop_(stop) {}

    catalog::RetentionPlan plan() {
        std::vector<catalog::RetentionRecord> records;
        const auto held = catalog::Catalog(folder_).records();
        for (const auto& each : held)
            records.push_back(of(each, proofs_, each.latest || folder_.is_pinned(each.id)));
        const bool far = jumped(records, now_);
        return catalog::plan_retention(std::move(records), policy_of(settings_, held),
                                       {.now = now_, .jumped = far});
    }

    // True: something new is known, and the plan has to be made anew.
    bool prove_kept(const catalog::RetentionPlan& plan) {
        bool learned = false;
        for (const auto& verdict : plan.verdicts) {
            const auto proof = proofs_.of(verdict.id);
            if (!verdict.keep || (proof && !proof->files_at.empty()))
                continue;
            prove(verdict.id);
            learned = true;
        }
        return learned;
    }

private:
    void prove(const std::string& id) {
        // Whether the signer is known here is no question of whether the files are whole.
        if (!witness_)
            witness_.emplace(settings_, Trust{.signers = {}, .unsigned_is_fine = true});
        const auto examined =
            examine(folder_, id, *witness_, {.components = {}, .progress = {}, .stop = stop_});
        auto proof = proofs_.of(id).value_or(catalog::Proof{});
        const auto now = utc_time(std::chrono::system_clock::now());
        note_files(proof, examined, {}, now);
        if (examined.good() && examined.signature == Signature::good)
            proof.examined = now;
        else if (!examined.good())
            proof.examined_trouble = examined.faults.front().where + " " + examined.faults.front().what;
        proofs_.keep(id, proof);
    }

    const Settings& settings_;
    store::BackupFolder& folder_;
    catalog::Proofs proofs_;
    std::optional<Witness> witness_; // once there is something to prove: it starts gpg
    sys_seconds now_;
    const std::stop_token& stop_;
};

bool removes_any(const catalog::RetentionPlan& plan) {
    return std::any_of(plan.verdicts.begin(), plan.verdicts.end(),
                       [](const auto& each) { return !each.keep; });
}

void carry_out(const Settings& settings, store::BackupFolder& folder, PruneResult& result,
               std::chrono::system_clock::time_point now, const std::stop_token& stop) {
    Removals removals(settings, folder);
    removals.prepare();
    const auto run = new_run_name();
    for (const auto& verdict : result.plan.verdicts) {
        if (verdict.keep)
            continue;
        if (folder.is_pinned(verdict.id)) { // since the plan was made: it, and what it stands on
            result.warnings.push_back(verdict.id + " was pinned meanwhile; the rest goes the next time");
            break;
        }
        if (stop.stop_requested())
            throw Error(ExitCode::interrupted, "pruning was interrupted; what is left goes the next time");
        try {
            removals.record(verdict.id, verdict.reason, run, now);
            folder.remove(verdict.id);
            catalog::Proofs(settings.proofs()).forget(verdict.id);
            result.removed.push_back(verdict.id);
        } catch (const Error& error) {
            result.warnings.push_back(verdict.id + " could not be removed: " + error.what());
            result.code = ExitCode::incomplete;
        }
    }
    try {
        for (const auto& verdict : result.plan.verdicts)
            if (verdict.keep)
                removals.forget(verdict.id);
    } catch (const Error& error) {
        result.warnings.emplace_back(error.what());
    }
    removals.prepare();
}

} // namespace

PruneResult prune(const Settings& settings, store::BackupFolder& folder, bool dry_run,
                  std::chrono::system_clock::time_point now, const std::stop_token& stop) {
    Pruning pruning(settings, folder, now, stop);
    PruneResult result{.plan = pruning.plan(), .removed = {}, .warnings = {}};
    while (!dry_run && removes_any(result.plan) && pruning.prove_kept(result.plan))
        result.plan = pruning.plan();
    for (auto& verdict : result.plan.verdicts)
        if (verdict.keep && folder.latest() == verdict.id && !folder.is_pinned(verdict.id))
            verdict.reason = "`latest` points to it";
    result.warnings = result.plan.warnings;
    if (!dry_run)
        carry_out(settings, folder, result, now, stop);
    return result;
}

} // namespace miraclemax::run
