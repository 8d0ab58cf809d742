#include "telemetry/posts.hpp"

#include "telemetry/escaping.hpp"
#include "telemetry/mail.hpp"
#include "telemetry/wording.hpp"

#include <nlohmann/json.hpp>

namespace miraclemax::telemetry {
namespace {

using nlohmann::json;

const char* word_for(Severity severity) {
    return severity == Severity::critical ? "critical" : "warning";
}

std::string dumped(const json& value) {
    return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

// An alert without an end ends by itself after a few minutes, which would read as mended. The next run says
// it again or ends it; so long it holds where no run comes.
constexpr std::chrono::hours holds{32 * 24};

json alert_of(const Message& message, const std::string& component, bool fires) {
    json labels{{"alertname", message.alert},
                {"severity", word_for(message.severity)},
                {"instance", header_text(message.instance)}};
    if (!component.empty())
        labels["component"] = header_text(component);
    json annotations{{"summary", header_text(message.subject)}, {"description", safe(message.text)}};
    if (!message.runbook_url.empty())
        annotations["runbook_url"] = header_text(message.runbook_url);
    // Alertmanager keeps the earlier begin of an alert that it knows.
    return {{"labels", labels},
            {"annotations", annotations},
            {"startsAt", utc_text(message.at)},
            {"endsAt", utc_text(fires ? message.at + holds : message.at)}};
}

Post for_alertmanager(const Channel& channel, const Message& message) {
    static constexpr std::string_view path = "/api/v2/alerts";
    auto url = channel.url;
    while (url.ends_with('/'))
        url.pop_back();
    json alerts = json::array();
    for (const auto& component : message.firing)
        alerts.push_back(alert_of(message, component, true));
    for (const auto& component : message.ended)
        alerts.push_back(alert_of(message, component, false));
    return {.url = url.ends_with(path) ? url : url + std::string(path),
            .headers = {"Content-Type: application/json"},
            .body = dumped(alerts)};
}

Post for_ntfy(const Channel& channel, const Message& message) {
    const bool bad = message.occasion == Occasion::failure;
    const bool digest = message.occasion == Occasion::digest;
    // ntfy decodes RFC 2047 in its headers, and makes a file of a text beyond 4096 bytes.
    return {.url = channel.url,
            .headers = {"Content-Type: text/plain; charset=utf-8",
                        "Title: " + encoded_words(shortened(header_text(message.subject), 200), " "),
                        std::string("Priority: ") + (bad      ? "high"
                                                     : digest ? "low"
                                                              : "default"),
                        std::string("Tags: ") + (bad      ? "rotating_light"
                                                 : digest ? "calendar"
                                                          : "white_check_mark")},
            .body = shortened(safe(message.text), 4000)};
}

Post for_webhook(const Channel& channel, const Message& message) {
    const json object{{"version", 1},
                      {"occasion", name_of(message.occasion)},
                      {"id", message.id},
                      {"at", utc_text(message.at)},
                      {"severity", word_for(message.severity)},
                      {"alert", message.alert},
                      {"component", message.component},
                      {"instance", message.instance},
                      {"subject", header_text(message.subject)},
                      {"text", safe(message.text)},
                      {"runbook_url", message.runbook_url}};
    return {.url = channel.url, .headers = {"Content-Type: application/json"}, .body = dumped(object)};
}

} // namespace

Post post_for(const Channel& channel, const Message& message) {
    auto post = channel.kind == Channel::Kind::alertmanager ? for_alertmanager(channel, message)
                : channel.kind == Channel::Kind::ntfy       ? for_ntfy(channel, message)
                                                            : for_webhook(channel, message);
    if (channel.user.empty() && !channel.password.empty())
        post.headers.push_back("Authorization: Bearer " + header_text(channel.password));
    return post;
}

} // namespace miraclemax::telemetry
