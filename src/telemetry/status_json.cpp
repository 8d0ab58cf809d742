#include "telemetry/status_json.hpp"

#include "telemetry/wording.hpp"

#include <nlohmann/json.hpp>

namespace miraclemax::telemetry {
namespace {

using Json = nlohmann::ordered_json;

Json time_of(const std::optional<Time>& time) {
    return time ? Json(utc_text(*time)) : Json(nullptr);
}

Json points(const std::vector<Point>& points) {
    Json out = Json::array();
    for (const auto& each : points)
        out.push_back({{"at", utc_text(each.at)},
                       {"ok", each.ok},
                       {"stored_bytes", each.stored},
                       {"freeze_milliseconds", each.freeze_milliseconds}});
    return out;
}

Json last_run(const std::optional<RunStatus>& run) {
    if (!run)
        return nullptr;
    return {{"id", run->id},
            {"ok", run->ok},
            {"killed", run->killed},
            {"code", run->code},
            {"message", run->message},
            {"began", utc_text(run->began)},
            {"ended", utc_text(run->ended)},
            {"stored_bytes", run->stored}};
}

Json runs(const Status& status) {
    Json out = points(status.runs);
    for (std::size_t i = 0; i < out.size() && i < status.durations_milliseconds.size(); ++i)
        out[i]["duration_milliseconds"] = status.durations_milliseconds[i];
    return out;
}

Json component(const ComponentStatus& each) {
    return {{"name", each.name},
            {"category", each.category},
            {"priority", each.priority},
            {"last_ok", each.last_ok},
            {"reason", each.reason},
            {"last_good", time_of(each.last_good)},
            {"last_good_id", each.last_good_id},
            {"verified", time_of(each.verified)},
            {"verify_trouble", each.verify_trouble},
            {"restored", time_of(each.restored)},
            {"stored_bytes", each.stored},
            {"read_bytes", each.bytes},
            {"files", each.files},
            {"skipped_entries", each.skipped},
            {"changed_entries", each.changed},
            {"freeze_milliseconds", each.freeze_milliseconds},
            {"history", points(each.history)}};
}

Json tier(const TierStatus& each) {
    return {{"name", each.name},
            {"ok", each.ok},
            {"trouble", each.trouble},
            {"backups", each.backups},
            {"stored_bytes", each.stored},
            {"free_bytes", each.free_bytes},
            {"days_until_full", each.days_until_full ? Json(*each.days_until_full) : Json(nullptr)},
            {"newest", time_of(each.newest)}};
}

Json key(const KeyStatus& each) {
    return {{"fingerprint", each.fingerprint},
            {"owner", each.owner},
            {"expires", time_of(each.expires)},
            {"ok", each.ok},
            {"trouble", each.trouble}};
}

Json problem(const Problem& each) {
    return {{"severity", each.severity == Severity::critical ? "critical" : "warning"},
            {"alert", each.alert},
            {"component", each.component},
            {"text", each.text}};
}

template<class Things, class Form> Json list(const Things& things, Form form) {
    Json out = Json::array();
    for (const auto& each : things)
        out.push_back(form(each));
    return out;
}

} // namespace

std::string status_json(const Status& status) {
    Json next = Json::object();
    for (const auto& [job, time] : status.next_runs)
        next[job] = utc_text(time);
    const Json out{{"now", utc_text(status.now)},
                   {"version", status.version},
                   {"instance", status.instance},
                   {"host", status.host},
                   {"problems", list(status.problems, problem)},
                   {"last_run", last_run(status.last_run)},
                   {"last_success", time_of(status.last_success)},
                   {"next_runs", next},
                   {"runs", runs(status)},
                   {"components", list(status.components, component)},
                   {"tiers", list(status.tiers, tier)},
                   {"keys", list(status.keys, key)},
                   {"unreleased", status.unreleased},
                   {"notifications",
                    {{"sent", status.notifications.sent},
                     {"failed", status.notifications.failed},
                     {"waiting", status.notifications.waiting}}}};
    return out.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

} // namespace miraclemax::telemetry
