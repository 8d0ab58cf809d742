// The status as one HTML page: no script, its style within, readable on a phone, light and dark.
#pragma once

#include "telemetry/status.hpp"

namespace miraclemax::telemetry {

// What is wrong comes first. Everything from outside (names, reasons) is escaped. The style stands in a
// <style> element whose hash content_policy() allows; nothing else may be loaded or run.
[[nodiscard]] std::string status_page(const Status& status);
[[nodiscard]] std::string content_policy(); // the value of Content-Security-Policy

} // namespace miraclemax::telemetry
