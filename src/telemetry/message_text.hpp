// The words of messages about runs and stale backups.
#pragma once

#include "telemetry/notifications.hpp"

namespace miraclemax::telemetry {

[[nodiscard]] std::string instance_of(const Status& status); // the host, and the sidecar's name if it has one

[[nodiscard]] std::string noun_of(const EndedRun& ended); // "backup", "verify", "replication"
[[nodiscard]] std::string failure_subject(const Status& status, const EndedRun& ended);
[[nodiscard]] std::string failure_text(const Status& status, const EndedRun& ended,
                                       const std::string& runbook, const std::string& alert);
[[nodiscard]] std::string success_text(const Status& status, const EndedRun& ended, const std::string& begin);

[[nodiscard]] std::string stale_subject(const Status& status, const std::vector<Stale>& stale);
[[nodiscard]] std::string stale_text(const Status& status, const std::vector<Stale>& stale,
                                     const std::string& runbook, const std::string& alert);
// `over`: what was stale, "" is the whole.
[[nodiscard]] std::string fresh_subject(const Status& status, const std::vector<std::string>& over);
[[nodiscard]] std::string fresh_text(const Status& status, const std::vector<std::string>& over);

} // namespace miraclemax::telemetry
