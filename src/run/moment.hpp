// Moments as the records write them, back to a clock's, and whether a clock can be believed.
#pragma once

#include <chrono>
#include <optional>
#include <string>

namespace miraclemax::run {

// "2025-10-16T01:00:00Z". nullopt: it is none.
[[nodiscard]] std::optional<std::chrono::system_clock::time_point> moment_of(const std::string& utc);
// The same, as those that count in seconds take it.
[[nodiscard]] std::optional<std::chrono::sys_seconds> second_of(const std::string& utc);

// A clock that says less was never set.
inline constexpr std::chrono::system_clock::time_point set_clock =
    std::chrono::sys_days(std::chrono::January / 1 / 2024);

// Of a clock that stood in the future: as the newest it would hide all that comes until then.
[[nodiscard]] bool is_ahead(std::chrono::system_clock::time_point at,
                            std::chrono::system_clock::time_point now);

} // namespace miraclemax::run
