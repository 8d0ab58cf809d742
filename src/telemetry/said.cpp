#include "telemetry/notifications.hpp"

#include "error.hpp"

#include <nlohmann/json.hpp>

namespace miraclemax::telemetry {

using nlohmann::json;

std::string to_json(const Said& said) {
    const json whole{{"version", 1},
                     {"failing", said.failing},
                     {"last_run", said.last_run},
                     {"last_digest_week", said.last_digest_week},
                     {"firing", said.firing}};
    return whole.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

Said parse_said(const std::string& text) {
    try {
        const auto whole = json::parse(text);
        if (whole.at("version") != 1)
            throw Error(ExitCode::failed, "what was said before is of a later version");
        return {.failing = whole.at("failing").get<bool>(),
                .last_run = whole.at("last_run").get<std::string>(),
                .last_digest_week = whole.at("last_digest_week").get<std::string>(),
                .firing = whole.at("firing").get<std::vector<std::string>>()};
    } catch (const json::exception& error) {
        throw Error(ExitCode::failed, std::string("what was said before is damaged: ") + error.what());
    }
}

} // namespace miraclemax::telemetry
