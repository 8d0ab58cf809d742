#include "run/replicate.hpp"

#include "run/prune.hpp"
#include "run/removals.hpp"
#include "run/stored_files.hpp"
#include "run/tier.hpp"
#include "run/tier_copy.hpp"
#include "run/tier_look.hpp"
#include "run/tier_records.hpp"
#include "stream/digest.hpp"

#include <algorithm>

namespace miraclemax::run {
namespace {

namespace fs = std::filesystem;

constexpr auto worst_first = {ExitCode::damaged, ExitCode::untrusted, ExitCode::destination};

// Of the manifest of a published backup; empty: it is not there, or can't be read.
std::string manifest_sha256(const store::BackupFolder& folder, const std::string& id) {
    try {
        const auto json = read_stored(folder.path_of(id) / "manifest.json", catalog::longest_manifest);
        return json ? stream::sha256_of(*json) : "";
    } catch (const Error&) {
        return {};
    }
}

class Replication {
public:
    Replication(const Settings& settings, const Tier& tier, const ReplicateRequest& request,
                const ReplicateProgress& progress, std::chrono::system_clock::time_point now,
                const std::stop_token& stop)
        : settings_(settings), tier_(tier), own_(settings_for(settings, tier)), request_(request),
          progress_(progress), now_(now), stop_(stop), from_(settings.backups, store::Use::reading),
          witness_(settings, Trust{.signers = {}, .unsigned_is_fine = !settings.signing}) {
        result_.tier = tier.name;
    }

    TierResult run() {
        try {
            require_set_up(settings_, tier_);
            to_.emplace(tier_.folder, request_.dry_run ? store::Use::reading : store::Use::writing);
            work();
        } catch (const Error& error) {
            if (error.code() == ExitCode::interrupted)
                throw;
            result_.ended = error.code();
            result_.trouble = error.what();
            result_.remedy = error.remedy();
        }
        if (!request_.dry_run && result_.ended != ExitCode::busy)
            keep_look();
        return std::move(result_);
    }

private:
    void work() {
        const auto before = last_look(settings_, tier_.name);
        if (before)
            held_ = before->ids;
        if (request_.dry_run)
            return copy_missing();
        const auto lock = to_->lock();
        to_->sweep();
        try {
            copy_missing();
        } catch (const Error& error) {
            // What retention lets go there may be the room that is missing.
            if (error.code() != ExitCode::destination)
                throw;
            mirror_marks(from_, *to_);
            if (!prune_tier())
                throw;
            copy_missing();
        }
        explain_gaps();
        mirror_marks(from_, *to_);
        prune_tier();
        note_ids();
    }

    void copy_missing() {
        for (const auto& record : catalog::Catalog(from_).records()) {
            if (stop_.stop_requested())
                throw Error(ExitCode::interrupted, "the replication was interrupted");
            const auto& id = record.id;
            if (result_.faults.contains(id))
                continue;
            const auto sha256 = manifest_sha256(from_, id);
            if (is_there(to_->path_of(id))) {
                if (const auto there = manifest_sha256(*to_, id); there != sha256 && !sha256.empty())
                    fault(id, {.where = "manifest.json",
                               .what = "in the tier is that of another backup, and was left as it is",
                               .component = {}});
                continue;
            }
            if (was_let_go(id, sha256))
                continue;
            copy(id, record.stored);
        }
    }

    // By the tier's own retention, or by hand and signed.
    bool was_let_go(const std::string& id, const std::string& sha256) {
        if (sha256.empty())
            return false;
        return !Chain(*to_, witness_).believed_record(id, sha256).empty();
    }

    void copy(const std::string& id, std::uint64_t stored) {
        if (request_.dry_run) {
            result_.copied.push_back(id);
            result_.bytes += stored;
            return;
        }
        require_set_up(settings_, tier_); // it may have been unmounted meanwhile
        if (held_.contains(id))
            result_.warnings.push_back(id + " was in the tier and is gone from there; it is copied anew");
        const auto copied = copy_backup(from_, id, witness_, *to_,
                                        {.progress =
                                             [&](std::uint64_t bytes, std::uint64_t of) {
                                                 if (progress_.copying)
                                                     progress_.copying(tier_.name, id, bytes, of);
                                             },
                                         .stop = stop_});
        for (const auto& each : copied.faults)
            fault(id, each);
        if (!copied.made)
            return;
        result_.copied.push_back(id);
        result_.bytes += copied.bytes;
    }

    void fault(const std::string& id, const Fault& fault) { result_.faults[id].push_back(fault); }

    void explain_gaps() {
        Removals(own_, *to_).prepare(); // makes the folder
        for (auto& warning : bring_records(from_, *to_, held_))
            result_.warnings.push_back(std::move(warning));
        for (const auto& id : held_)
            if (!is_there(to_->path_of(id)) && !is_there(removal_file(*to_, id)))
                fault(id, {.where = id,
                           .what = "was in the tier and is gone from there (if that is right, say "
                                   "`miraclemax prune --gone " +
                                   id + "` with the tier as the backup folder)",
                           .component = {}});
    }

    // True: there is more room now.
    bool prune_tier() {
        const auto pruned = prune(own_, *to_, false, now_, stop_);
        result_.removed.insert(result_.removed.end(), pruned.removed.begin(), pruned.removed.end());
        for (const auto& warning : pruned.warnings)
            if (std::find(result_.warnings.begin(), result_.warnings.end(), warning) ==
                result_.warnings.end())
                result_.warnings.push_back(warning);
        if (pruned.code != ExitCode::ok)
            result_.ended = pruned.code;
        return !pruned.removed.empty();
    }

    // What vanished stays known until somebody explains it.
    void note_ids() {
        std::set<std::string> ids;
        for (const auto& id : to_->ids())
            ids.insert(id);
        for (const auto& id : held_)
            if (!is_there(removal_file(*to_, id)))
                ids.insert(id);
        held_ = std::move(ids);
    }

    void keep_look() {
        auto look = last_look(settings_, tier_.name).value_or(TierLook{});
        try {
            if (to_) {
                look.status = measure(own_, tier_.name, *to_, catalog::Catalog(*to_).records(), now_);
                look.ids = held_;
            }
        } catch (const Error&) { // told as what ended it
            look.status.days_until_full.reset();
        }
        look.status.name = tier_.name;
        look.status.trouble = result_.summary();
        look.status.ok = look.status.trouble.empty();
        result_.status = look.status;
        try {
            run::keep_look(settings_, look);
        } catch (const Error& error) {
            result_.warnings.push_back(std::string("how the tier is can't be kept: ") + error.what());
        }
    }

    const Settings& settings_;
    const Tier& tier_;
    Settings own_; // of the tier
    const ReplicateRequest& request_;
    const ReplicateProgress& progress_;
    std::chrono::system_clock::time_point now_;
    const std::stop_token& stop_;
    store::BackupFolder from_;
    std::optional<store::BackupFolder> to_;
    Witness witness_;
    std::set<std::string> held_; // ids that were there after the last replication
    TierResult result_;
};

std::vector<const Tier*> chosen(const Settings& settings, const std::vector<std::string>& names) {
    if (!settings.tier.empty())
        throw Error(ExitCode::usage, "the backup folder is the tier " + settings.tier + " itself",
                    "unset MIRACLEMAX_BACKUP_FOLDER");
    if (settings.tiers.empty())
        throw Error(ExitCode::usage, "no tiers are configured",
                    "list them below `tiers:` in the configuration (`miraclemax config` shows how)");
    std::vector<const Tier*> tiers;
    for (const auto& each : settings.tiers)
        if (names.empty() || std::find(names.begin(), names.end(), each.name) != names.end())
            tiers.push_back(&each);
    for (const auto& name : names)
        if (std::none_of(tiers.begin(), tiers.end(), [&](const Tier* each) { return each->name == name; }))
            throw Error(ExitCode::usage, "no tier is called " + name, "see `tiers:` in the configuration");
    return tiers;
}

} // namespace

ExitCode TierResult::code() const {
    auto code = ended;
    for (const auto& [id, all] : faults)
        for (const auto& each : all)
            code = worse(code, each.code, worst_first);
    return code;
}

std::string TierResult::summary() const {
    if (!trouble.empty())
        return trouble;
    if (faults.empty())
        return ended == ExitCode::ok ? "" : warnings.empty() ? "its retention failed" : warnings.back();
    const auto& [id, all] = *faults.begin();
    return id + ": " + all.front().where + ": " + all.front().what +
           (faults.size() > 1 ? ", and " + std::to_string(faults.size() - 1) + " more" : "");
}

ExitCode ReplicateResult::code() const {
    auto code = ExitCode::ok;
    for (const auto& each : tiers)
        code = worse(code, each.code(), worst_first);
    return code;
}

ReplicateResult replicate(const Settings& settings, const ReplicateRequest& request,
                          const ReplicateProgress& progress, std::chrono::system_clock::time_point now,
                          const std::stop_token& stop) {
    ReplicateResult result;
    for (const auto* tier : chosen(settings, request.tiers)) {
        result.tiers.push_back(Replication(settings, *tier, request, progress, now, stop).run());
        if (progress.ended)
            progress.ended(result.tiers.back());
    }
    if (result.code() == ExitCode::busy)
        for (const auto& each : result.tiers)
            if (each.ended == ExitCode::busy)
                throw Error(ExitCode::busy, each.trouble, each.remedy);
    return result;
}

std::vector<std::string> set_up_tiers(const Settings& settings, const std::vector<std::string>& tiers) {
    std::vector<std::string> thoughts;
    for (const auto* tier : chosen(settings, tiers))
        if (auto thought = set_up(settings, *tier); !thought.empty())
            thoughts.push_back(std::move(thought));
    return thoughts;
}

} // namespace miraclemax::run
