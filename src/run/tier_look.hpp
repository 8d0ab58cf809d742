// How a tier was when the last replication looked. Status and metrics are made of that: a dead network share
// must not hang whoever asks for them.
#pragma once

#include "run/settings.hpp"

#include "catalog/catalog.hpp"
#include "telemetry/status.hpp"

#include <set>

namespace miraclemax::run {

struct TierLook {
    telemetry::TierStatus status;
    std::set<std::string> ids; // that were there, and those that have vanished since and nobody explained
};

// Reads the folder. `settings` are those for it (settings_for). Throws Error (destination).
[[nodiscard]] telemetry::TierStatus measure(const Settings& settings, const std::string& name,
                                            const store::BackupFolder& folder,
                                            const std::vector<catalog::Record>& records, telemetry::Time now);

// nullopt: it was never looked at. Reads the state folder alone.
[[nodiscard]] std::optional<TierLook> last_look(const Settings& settings, const std::string& tier);
void keep_look(const Settings& settings, const TierLook& look); // throws Error (failed)

} // namespace miraclemax::run
