// The runs that people are told of: those that ended, and those that were killed.
#pragma once

#include "catalog/run_record.hpp"
#include "run/settings.hpp"
#include "telemetry/notifications.hpp"

namespace miraclemax::run {

// Whether the record's process is there still. The number alone says little: in a container that was started
// again something else has it soon, threads included.
[[nodiscard]] bool going_on(const catalog::RunRecord& record, telemetry::Time now);

// All records, oldest first, with those that could not be written.
[[nodiscard]] std::vector<catalog::RunRecord> all_records(const Settings& settings,
                                                          const std::vector<catalog::RunRecord>& unwritten);

// What it tells of its run; one without an end counts as killed (see going_on).
[[nodiscard]] telemetry::RunStatus run_status(const catalog::RunRecord& record);

struct Ended {
    telemetry::EndedRun told; // its log is not known here
    std::string planned;      // as in its record
};

// All that are on record, in the order in which they ended: backups of all components; planned proofs, and
// those by hand of all backups that tell something about these (good, damaged, untrusted); replications to
// all tiers. Never throws.
[[nodiscard]] std::vector<Ended> ended_runs(const Settings& settings, const telemetry::Status& status,
                                            const std::vector<catalog::RunRecord>& unwritten = {});

} // namespace miraclemax::run
