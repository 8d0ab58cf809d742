// The weekly digest: when it is due, and what it says.
#pragma once

#include "telemetry/status.hpp"

namespace miraclemax::telemetry {

// The ISO week whose digest is due now, or empty. Moves `last_week` on: it is due once.
[[nodiscard]] std::string digest_due(Time now, std::string& last_week);
[[nodiscard]] std::string digest_subject(const Status& status, const std::string& instance);
[[nodiscard]] std::string digest_text(const Status& status, const std::string& instance);

} // namespace miraclemax::telemetry
