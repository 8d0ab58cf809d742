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

Said::Alert& Said::of(const std::string& kind) {
    return kind == "verify" ? verify : kind == "replicate" ? replicate : backup;
}

std::string to_json(const Said& said) {
    auto stale_good = json::object();
    for (const auto& [component, time] : said.stale_good)
        stale_good[component] = seconds_of(time);
    const json whole{{"version", 1},
                     {"begun", said.begun},
                     {"since", seconds_of(said.since)},
                     {"told", said.told},
                     {"backup", of(said.backup)},
                     {"verify", of(said.verify)},
                     {"replicate", of(said.replicate)},
                     {"stale", said.stale},
                     {"stale_good", std::move(stale_good)},
                     {"last_digest_week", said.last_digest_week}};
    return whole.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

Said parse_said(const std::string& text) {
    try {
        const auto whole = json::parse(text);
        if (whole.at("version") != 1)
            throw Error(ExitCode::failed, "what was said before is of a later version");
        Said said{.begun = whole.at("begun").get<bool>(),
                  .since = Time(std::chrono::seconds(whole.at("since").get<std::int64_t>())),
                  .told = whole.at("told").get<std::vector<std::string>>(),
                  .backup = to_alert(whole.at("backup")),
                  .verify = to_alert(whole.at("verify")),
                  .replicate = whole.contains("replicate") ? to_alert(whole.at("replicate")) : Said::Alert{},
                  .stale = whole.at("stale").get<std::vector<std::string>>(),
                  .last_digest_week = whole.at("last_digest_week").get<std::string>()};
        if (whole.contains("stale_good")) // 0.1.0 wrote none
            for (const auto& [component, time] : whole.at("stale_good").items())
                said.stale_good[component] = Time(std::chrono::seconds(time.get<std::int64_t>()));
        return said;
    } catch (const json::exception& error) {
        throw Error(ExitCode::failed, std::string("what was said before is damaged: ") + error.what());
    }
}

} // namespace miraclemax::telemetry
