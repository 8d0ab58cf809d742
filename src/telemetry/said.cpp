#include "telemetry/notifications.hpp"

#include "error.hpp"

#include <nlohmann/json.hpp>

namespace miraclemax::telemetry {

using nlohmann::json;

namespace {

json of(const Said::Alert& alert) {
    return {{"failing", alert.failing}, {"firing", alert.firing}};
}

Said::Alert to_alert(const json& object) {
    return {.failing = object.at("failing").get<bool>(),
            .firing = object.at("firing").get<std::vector<std::string>>()};
}

std::int64_t seconds_of(Time time) {
    return std::chrono::floor<std::chrono::seconds>(time).time_since_epoch() / std::chrono::seconds(1);
}

} // namespace

std::string to_json(const Said& said) {
    const json whole{{"version", 1},
                     {"begun", said.begun},
                     {"since", seconds_of(said.since)},
                     {"told", said.told},
                     {"backup", of(said.backup)},
                     {"verify", of(said.verify)},
                     {"stale", said.stale},
                     {"last_digest_week", said.last_digest_week}};
    return whole.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

Said parse_said(const std::string& text) {
    try {
        const auto whole = json::parse(text);
        if (whole.at("version") != 1)
            throw Error(ExitCode::failed, "what was said before is of a later version");
        return {.begun = whole.at("begun").get<bool>(),
                .since = Time(std::chrono::seconds(whole.at("since").get<std::int64_t>())),
                .told = whole.at("told").get<std::vector<std::string>>(),
                .backup = to_alert(whole.at("backup")),
                .verify = to_alert(whole.at("verify")),
                .stale = whole.at("stale").get<std::vector<std::string>>(),
                .last_digest_week = whole.at("last_digest_week").get<std::string>()};
    } catch (const json::exception& error) {
        throw Error(ExitCode::failed, std::string("what was said before is damaged: ") + error.what());
    }
}

} // namespace miraclemax::telemetry
