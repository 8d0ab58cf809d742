// What a run did, for metrics and the status page.
#pragma once

#include "catalog/run_record.hpp"
#include "error.hpp"
#include "run/backup.hpp"
#include "run/replicate.hpp"
#include "run/restore.hpp"
#include "run/settings.hpp"
#include "run/verify.hpp"

#include <functional>

namespace miraclemax::run {

// Carries `act` out and keeps its record: at the beginning, so that a killed run shows, and at the end. `act`
// fills in what it knows and returns the exit code; its Error is recorded and thrown on. A record that can't
// be written is told by `warn` and changes nothing. Runs that did not begin (usage, busy) leave none.
ExitCode recorded(const Settings& settings, const std::string& kind, const std::string& planned,
                  const std::function<void(const std::string&)>& warn,
                  const std::function<ExitCode(catalog::RunRecord&)>& act);

// What a result says.
void describe(catalog::RunRecord& record, const BackupResult& result);
void describe(catalog::RunRecord& record, const RestoreResult& result);
// A component is told once, by the newest backup that is faulty.
void describe(catalog::RunRecord& record, const VerifyResult& result);
void describe(catalog::RunRecord& record, const ReplicateResult& result);

} // namespace miraclemax::run
