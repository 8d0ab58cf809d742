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
#include <map>

namespace miraclemax::run {
namespace {

using std::chrono::sys_seconds;

// A clock that was put far forward makes everything look old at once. After so long without a backup nothing
// is removed until backups have come in for a while again.
constexpr auto long_gap = std::chrono::hours(20 * 24);
constexpr auto regained = std::chrono::hours(7 * 24);

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

catalog::RetentionRecord of(const catalog::Record& record, const std::optional<catalog::Proof>& proof,
                            bool pinned) {
    catalog::RetentionRecord kept{
        .id = record.id, .ended = {}, .pinned = pinned, .readable = false, .components = {}};
    if (!record.manifest)
        return kept;
    const auto ended = second_of(record.manifest->ended_utc);
    kept.readable = ended.has_value();
    kept.ended = ended.value_or(sys_seconds{});
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

// Retention goes by names, and a name may come from a label: the manifests tell whose it was, the newest
// last.
catalog::RetentionPolicy policy_of(const Settings& settings, const std::vector<catalog::Record>& records) {
    auto policy = settings.retention;
    std::vector<std::pair<const component::Configured*, catalog::RetentionRules>> own;
    for (const auto& each : settings.configured)
        if (each.keep != component::Keep{})
            own.emplace_back(&each, rules_of(each.keep, policy.rules));
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
            records.push_back(of(each, proof_of(each.id), each.latest || folder_.is_pinned(each.id)));
        const bool far = jumped(records, now_);
        return catalog::plan_retention(std::move(records), policy_of(settings_, held),
                                       {.now = now_, .jumped = far});
    }

    // True: something new is known, and the plan has to be made anew.
    bool prove_kept(const catalog::RetentionPlan& plan) {
        bool learned = false;
        for (const auto& verdict : plan.verdicts) {
            const auto proof = proof_of(verdict.id);
            if (!verdict.keep || (proof && !proof->files_at.empty()))
                continue;
            prove(verdict.id);
            learned = true;
        }
        return learned;
    }
    [[nodiscard]] const std::vector<std::string>& warnings() const { return warnings_; }

private:
    [[nodiscard]] std::optional<catalog::Proof> proof_of(const std::string& id) const {
        const auto unkept = unkept_.find(id);
        return unkept == unkept_.end() ? proofs_.of(id) : unkept->second;
    }
    void prove(const std::string& id) {
        // Whether the signer is known here is no question of whether the files are whole.
        if (!witness_)
            witness_.emplace(settings_, Trust{.signers = {}, .unsigned_is_fine = true});
        const auto examined =
            examine(folder_, id, *witness_, {.components = {}, .progress = {}, .stop = stop_});
        auto proof = proof_of(id).value_or(catalog::Proof{});
        const auto now = utc_time(std::chrono::system_clock::now());
        note_files(proof, examined, {}, now);
        if (examined.good() && examined.signature == Signature::good)
            proof.examined = now;
        else if (!examined.good())
            proof.examined_trouble = examined.faults.front().where + " " + examined.faults.front().what;
        try {
            proofs_.keep(id, proof);
        } catch (const Error& error) { // on a full disk removing is what makes room for it
            unkept_[id] = proof;
            warnings_.emplace_back(error.what());
        }
    }

    const Settings& settings_;
    store::BackupFolder& folder_;
    catalog::Proofs proofs_;
    std::map<std::string, catalog::Proof> unkept_;
    std::vector<std::string> warnings_;
    std::optional<Witness> witness_; // once there is something to prove: it starts gpg
    sys_seconds now_;
    const std::stop_token& stop_;
};

bool removes_any(const catalog::RetentionPlan& plan) {
    return std::any_of(plan.verdicts.begin(), plan.verdicts.end(),
                       [](const auto& each) { return !each.keep; });
}

class Removing {
public:
    Removing(const Settings& settings, store::BackupFolder& folder, PruneResult& result,
             std::chrono::system_clock::time_point now)
        : settings_(settings), folder_(folder), result_(result), now_(now), removals_(settings, folder) {}

    void run(const std::stop_token& stop) {
        warning_of("", [&] { folder_.sweep(); });
        removals_.prepare();
        for (const auto& verdict : result_.plan.verdicts) {
            if (verdict.keep)
                continue;
            if (stop.stop_requested())
                throw Error(ExitCode::interrupted,
                            "pruning was interrupted; what is left goes the next time");
            // Since the plan was made: it stays, and what it stands on.
            if (!remove(verdict)) {
                result_.warnings.push_back(verdict.id + " was pinned meanwhile; the rest goes the next time");
                break;
            }
        }
        warning_of("", [&] {
            for (const auto& verdict : result_.plan.verdicts)
                if (verdict.keep)
                    removals_.forget(verdict.id);
        });
        removals_.prepare();
    }

private:
    // False: it was pinned.
    bool remove(const catalog::RetentionVerdict& verdict) {
        const auto& id = verdict.id;
        try {
            if (folder_.is_pinned(id))
                return false;
            removals_.record(id, verdict.reason, run_, now_);
            if (!folder_.withdraw(id)) {
                removals_.forget(id);
                return false;
            }
        } catch (const Error& error) {
            result_.warnings.push_back(id + " could not be removed: " + error.what());
            result_.code = ExitCode::incomplete;
            return true;
        }
        result_.removed.push_back(id);
        const auto left = id + " is removed, but something of it is left, for the next run to delete: ";
        if (!warning_of(left, [&] { folder_.discard(id); }))
            result_.code = ExitCode::incomplete;
        warning_of("", [&] { catalog::Proofs(settings_.proofs()).forget(id); });
        return true;
    }
    bool warning_of(const std::string& context, const std::function<void()>& act) {
        try {
            act();
            return true;
        } catch (const Error& error) {
            result_.warnings.push_back(context + error.what());
            return false;
        }
    }

    const Settings& settings_;
    store::BackupFolder& folder_;
    PruneResult& result_;
    std::chrono::system_clock::time_point now_;
    Removals removals_;
    std::string run_ = new_run_name();
};

} // namespace

catalog::RetentionRules rules_of(const component::Keep& keep, const catalog::RetentionRules& standard) {
    return {.days = keep.days.value_or(standard.days),
            .last = keep.last.value_or(standard.last),
            .hourly = keep.hourly.value_or(standard.hourly),
            .daily = keep.daily.value_or(standard.daily),
            .weekly = keep.weekly.value_or(standard.weekly),
            .monthly = keep.monthly.value_or(standard.monthly),
            .yearly = keep.yearly.value_or(standard.yearly)};
}

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
    result.warnings.insert(result.warnings.end(), pruning.warnings().begin(), pruning.warnings().end());
    if (!dry_run)
        Removing(settings, folder, result, now).run(stop);
    return result;
}

} // namespace miraclemax::run
