// Moments as the records write them, back to a clock's.
#pragma once

#include <chrono>
#include <optional>
#include <string>

namespace miraclemax::run {

// "2025-10-16T01:00:00Z". nullopt: it is none.
[[nodiscard]] std::optional<std::chrono::system_clock::time_point> moment_of(const std::string& utc);

} // namespace miraclemax::run
