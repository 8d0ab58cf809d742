// A message as an HTTP POST: Alertmanager's API v2 (its api/v2/openapi.yaml), ntfy (docs.ntfy.sh/publish),
// and a plain JSON object for any other receiver. Pure.
#pragma once

#include "telemetry/notifications.hpp"

namespace miraclemax::telemetry {

struct Post {
    std::string url;
    std::vector<std::string> headers; // whole lines, without their end
    std::string body;
};

// For every kind but smtp.
[[nodiscard]] Post post_for(const Channel& channel, const Message& message);

} // namespace miraclemax::telemetry
