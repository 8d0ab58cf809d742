// How times, sizes and names are written for people and for machines. Local times are in the process's zone
// (TZ).
#pragma once

#include "telemetry/status.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace miraclemax::telemetry {

// What is no UTF-8 (RFC 3629) becomes U+FFFD: one wrong byte would make Prometheus refuse a whole scrape.
[[nodiscard]] std::string valid_utf8(std::string_view text);
// For HTML text and quoted attributes. Control characters, and those that turn the direction of what follows
// (Unicode's bidi controls), become U+FFFD too; line ends become spaces.
[[nodiscard]] std::string html(std::string_view text);

[[nodiscard]] std::string utc_text(Time time);              // "2025-10-16T01:00:00Z" (RFC 3339)
[[nodiscard]] std::string local_text(Time time);            // "16 Oct 2025, 03:00"
[[nodiscard]] std::string zone_text(Time time);             // "CEST"
[[nodiscard]] std::string ago_text(Time then, Time now);    // "just now", "6 hours ago", "in 3 days"
[[nodiscard]] std::string coming_text(Time then, Time now); // "tonight at 03:00", "on Monday at 03:00"
[[nodiscard]] std::string size_text(std::uint64_t bytes);   // "1.4 GiB"
[[nodiscard]] std::string duration_text(std::int64_t milliseconds); // "120 ms", "4.2 s", "3 min 20 s"
[[nodiscard]] std::string count_text(std::uint64_t count, const std::string& one); // "1 entry", "2 entries"
[[nodiscard]] std::string first_names(const std::vector<std::string>& names); // "a, b, c, d, e and 2 more"

} // namespace miraclemax::telemetry
