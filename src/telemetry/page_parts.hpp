// The parts of the status page, from the top down. Each is HTML, or empty where there is nothing to show.
#pragma once

#include "telemetry/status.hpp"

#include <string>

namespace miraclemax::telemetry {

[[nodiscard]] const std::string& page_style(); // what stands between <style> and </style>
// "All 9 components were backed up 6 hours ago."
[[nodiscard]] std::string headline(const Status& status);

[[nodiscard]] std::string problems_part(const Status& status);
[[nodiscard]] std::string summary_part(const Status& status);
[[nodiscard]] std::string components_part(const Status& status);
[[nodiscard]] std::string runs_part(const Status& status);
[[nodiscard]] std::string tiers_part(const Status& status);
[[nodiscard]] std::string keys_part(const Status& status);
[[nodiscard]] std::string schedule_part(const Status& status);

[[nodiscard]] std::string time_element(Time time, const std::string& text); // <time> with the exact moment

} // namespace miraclemax::telemetry
