// The status as Prometheus metrics, serialised by prometheus-cpp.
#pragma once

#include "telemetry/status.hpp"

#include <filesystem>

namespace miraclemax::telemetry {

// The text exposition format 0.0.4. The seed's four names stand without labels:
//   miraclemax_backup_success             1: the last backup run was whole
//   miraclemax_backup_timestamp           seconds since 1970: the end of the last whole run
//   miraclemax_backup_size_bytes          stored bytes of the last backup
//   miraclemax_backup_duration_seconds    of the last run
// The others follow Prometheus' conventions, with labels component, tier, run, fingerprint where they apply.
[[nodiscard]] std::string metrics_text(const Status& status);
// For node_exporter's textfile collector: the same, replaced whole (0644: another user reads it). Throws
// Error.
void write_textfile(const std::filesystem::path& path, const Status& status);

} // namespace miraclemax::telemetry
