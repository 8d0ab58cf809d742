// The status as JSON: GET /api/status, `miraclemax status --json`.
#pragma once

#include "telemetry/status.hpp"

namespace miraclemax::telemetry {

[[nodiscard]] std::string status_json(const Status& status); // pretty, ends with a newline

} // namespace miraclemax::telemetry
