// Brings the backups into the further tiers, and lets retention work there.
#pragma once

#include "error.hpp"
#include "run/examination.hpp"

#include "telemetry/status.hpp"

#include <map>

namespace miraclemax::run {

struct ReplicateRequest {
    std::vector<std::string> tiers; // by name; empty: all
    bool dry_run = false;
};

struct TierResult {
    std::string tier;
    std::vector<std::string> copied;                  // dry_run: that would be
    std::uint64_t bytes = 0;                          // of them
    std::map<std::string, std::vector<Fault>> faults; // by backup: why it is not there, or can't be right
    std::vector<std::string> removed;                 // by the tier's retention
    std::vector<std::string> warnings;
    ExitCode ended = ExitCode::ok; // what ended it too soon: destination, busy, …
    std::string trouble, remedy;   // that, as a sentence
    telemetry::TierStatus status;  // as it is now, where it could be looked at
    [[nodiscard]] ExitCode code() const;
    [[nodiscard]] std::string summary() const; // one line of what is wrong; empty: nothing
};

struct ReplicateResult {
    std::vector<TierResult> tiers;
    [[nodiscard]] ExitCode code() const; // damaged before untrusted before the rest
};

// Told from the calling thread.
struct ReplicateProgress {
    std::function<void(const std::string& tier, const std::string& id, std::uint64_t bytes, std::uint64_t of)>
        copying;
    std::function<void(const TierResult&)> ended;
};

// Every published backup that a tier lacks is copied there, the oldest first, unless it is not what its
// signed manifest says (run/tier_copy.hpp), or the tier's own retention has removed it. A tier that can't be
// used ends alone. The tier's lock is held meanwhile; the backup folder's is not, and nothing is written
// there. How each tier is then is kept for the status (run/tier_look.hpp). Throws Error: usage (no tiers, or
// none of that name), busy (another replication has every tier that there is anything to say of),
// interrupted.
ReplicateResult replicate(const Settings& settings, const ReplicateRequest& request,
                          const ReplicateProgress& progress, std::chrono::system_clock::time_point now,
                          const std::stop_token& stop);

// `replicate --init`: sets the tiers up (run/tier.hpp). Returns what to think about, a sentence each.
std::vector<std::string> set_up_tiers(const Settings& settings, const std::vector<std::string>& tiers);

} // namespace miraclemax::run
