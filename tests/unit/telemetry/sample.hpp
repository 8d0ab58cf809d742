// A host as it may be: nine components, one of them in trouble, two tiers, two keys.
#pragma once

#include "telemetry/status.hpp"

namespace miraclemax::telemetry {

[[nodiscard]] Time utc(int year, unsigned month, unsigned day, int hour = 0, int minute = 0, int second = 0);
[[nodiscard]] Status healthy_status(); // 2025-10-16 09:00 in Berlin, all is well
[[nodiscard]] Status troubled_status();

} // namespace miraclemax::telemetry
