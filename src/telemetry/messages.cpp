#include "telemetry/notifications.hpp"

#include "telemetry/digest_text.hpp"
#include "telemetry/escaping.hpp"
#include "telemetry/message_text.hpp"
#include "telemetry/wording.hpp"

#include <algorithm>

namespace miraclemax::telemetry {
namespace {

constexpr const char* stale_alert = "BackupStale";

const char* alert_of(const EndedRun& ended) {
    return ended.kind == "verify"      ? "NotVerified"
           : ended.kind == "replicate" ? "TierLagging"
                                       : "BackupFailed";
}

std::string runbook_at(const std::string& base, std::string anchor) {
    if (base.empty())
        return "";
    std::transform(anchor.begin(), anchor.end(), anchor.begin(), // as GitHub makes one of a headline
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    return base + "#" + anchor;
}

std::vector<std::string> without(const std::vector<std::string>& list, const std::vector<std::string>& less) {
    std::vector<std::string> rest;
    for (const auto& each : list)
        if (!holds(less, each))
            rest.push_back(each);
    return rest;
}

// Of a recovery as of its failure: it is part of an alert's identity.
Severity severity_of(Occasion occasion, const std::string& alert) {
    const bool is_good = occasion == Occasion::success || occasion == Occasion::digest;
    return is_good || alert == "TierLagging" || alert == stale_alert ? Severity::warning : Severity::critical;
}

Message begun(const News& news, Occasion occasion, const std::string& id, Time at, const std::string& alert,
              const std::string& subject) {
    return {.occasion = occasion,
            .id = id + "-" + name_of(occasion),
            .at = at,
            .subject = header_text("[miraclemax] " + subject),
            .text = {},
            .component = {},
            .alert = alert,
            .severity = severity_of(occasion, alert),
            .instance = instance_of(news.status),
            .runbook_url = occasion == Occasion::failure ? runbook_at(news.runbook, alert) : "",
            .firing = {},
            .ended = {}};
}

Message failure(const News& news, const EndedRun& ended, Said::Alert& said) {
    auto message = begun(news, Occasion::failure, ended.run.id, ended.run.ended, alert_of(ended),
                         failure_subject(news.status, ended));
    message.text = failure_text(news.status, ended, message.runbook_url, message.alert);
    if (ended.failed.size() == 1)
        message.component = ended.failed.front().name;
    auto after = alert_after(ended);
    message.firing = after.firing;
    message.ended = without(said.firing, after.firing);
    said = std::move(after);
    return message;
}

Message recovery(const News& news, const EndedRun& ended, Said::Alert& said) {
    const auto sentence = noun_of(ended) + " of " + instance_of(news.status) +
                          (ended.kind == "verify" ? " is good again" : " is whole again");
    auto message = begun(news, Occasion::recovery, ended.run.id, ended.run.ended, alert_of(ended), sentence);
    message.text = success_text(news.status, ended, "The " + sentence + ".");
    std::string names;
    for (const auto& component : said.firing)
        names += component.empty() ? "" : (names.empty() ? "" : ", ") + one_line(component);
    if (!names.empty())
        message.text += "Had failed: " + names + "\n";
    message.ended = said.firing;
    if (said.firing.size() == 1)
        message.component = said.firing.front();
    said = {};
    return message;
}

Message success(const News& news, const EndedRun& ended) {
    const auto sentence = "backup of " + instance_of(news.status) + " is whole";
    auto message = begun(news, Occasion::success, ended.run.id, ended.run.ended, alert_of(ended), sentence);
    message.text = success_text(news.status, ended, "The " + sentence + ".");
    return message;
}

void add_run(std::vector<Message>& messages, const News& news, const EndedRun& ended, Said& said) {
    said.told.push_back(ended.name);
    auto& alert = said.of(ended.kind);
    if (!ended.run.ok)
        messages.push_back(failure(news, ended, alert));
    else if (alert.failing)
        messages.push_back(recovery(news, ended, alert));
    else if (ended.kind == "backup") // that a proof found nothing, or all is copied, is no news
        messages.push_back(success(news, ended));
}

// It stays the same over a crash just after it was queued, and is another one when it happens again.
std::string stale_id(const std::string& component, const std::optional<Time>& last_good, Time now) {
    return "stale-" + (component.empty() ? "" : component + "-") +
           (last_good ? std::to_string(last_good->time_since_epoch() / std::chrono::seconds(1)) : "never") +
           "-" + utc_text(now).substr(0, 10);
}

Message stale(const News& news, const std::vector<Stale>& fresh, std::vector<std::string> all,
              std::vector<std::string> over) {
    auto message = begun(news, Occasion::failure,
                         stale_id(fresh.front().component, fresh.front().last_good, news.status.now),
                         news.status.now, stale_alert, stale_subject(news.status, fresh));
    message.text = stale_text(news.status, fresh, message.runbook_url, message.alert);
    if (fresh.size() == 1)
        message.component = fresh.front().component;
    message.firing = std::move(all);
    message.ended = std::move(over);
    return message;
}

Message fresh_again(const News& news, std::vector<std::string> over) {
    const auto& status = news.status;
    auto last = status.last_success;
    for (const auto& component : status.components)
        if (component.last_good && holds(over, component.name))
            last = std::max(last.value_or(*component.last_good), *component.last_good);
    auto message = begun(news, Occasion::recovery, stale_id(over.front(), last, status.now), status.now,
                         stale_alert, fresh_subject(status, over));
    message.text = fresh_text(status, over);
    if (over.size() == 1)
        message.component = over.front();
    message.ended = std::move(over);
    return message;
}

// One that is merely no longer looked for is not fresh.
bool is_fresh(const Status& status, const std::string& component, const Said& said) {
    const auto last = last_good_of(status, component);
    if (!last)
        return false;
    const auto before = said.stale_good.find(component);
    return before == said.stale_good.end() ? status.now - *last < std::chrono::hours(30 * 24)
                                           : *last > before->second;
}

void add_stale(std::vector<Message>& messages, const News& news, Said& said) {
    std::vector<std::string> all;
    std::vector<Stale> fresh;
    std::map<std::string, Time> good;
    for (const auto& each : news.stale) {
        all.push_back(each.component);
        if (each.last_good)
            good[each.component] = std::chrono::floor<std::chrono::seconds>(*each.last_good);
        if (!holds(said.stale, each.component))
            fresh.push_back(each);
    }
    auto over = without(said.stale, all);
    std::erase_if(over, [&](const std::string& each) { return !is_fresh(news.status, each, said); });
    said.stale = all;
    said.stale_good = std::move(good);
    if (!fresh.empty())
        messages.push_back(stale(news, fresh, std::move(all), std::move(over)));
    else if (!over.empty())
        messages.push_back(fresh_again(news, std::move(over)));
}

} // namespace

const char* name_of(Occasion occasion) {
    switch (occasion) {
    case Occasion::failure:
        return "failure";
    case Occasion::recovery:
        return "recovery";
    case Occasion::success:
        return "success";
    case Occasion::digest:
        return "digest";
    }
    return "";
}

Said::Alert alert_after(const EndedRun& ended) {
    if (ended.run.ok)
        return {};
    Said::Alert alert{.failing = true, .firing = {}};
    for (const auto& part : ended.failed)
        alert.firing.push_back(part.name);
    if (alert.firing.empty())
        alert.firing.emplace_back();
    return alert;
}

std::optional<Time> last_good_of(const Status& status, const std::string& component) {
    if (component.empty())
        return status.last_success;
    const auto found = std::find_if(status.components.begin(), status.components.end(),
                                    [&](const ComponentStatus& each) { return each.name == component; });
    return found == status.components.end() ? std::nullopt : found->last_good;
}

bool holds(const std::vector<std::string>& list, const std::string& word) {
    return std::find(list.begin(), list.end(), word) != list.end();
}

std::vector<Message> messages_for(const News& news, Said& said) {
    std::vector<Message> messages;
    for (const auto& ended : news.runs)
        add_run(messages, news, ended, said);
    add_stale(messages, news, said);
    const auto& status = news.status;
    if (const auto week = digest_due(status.now, said.last_digest_week); !week.empty()) {
        auto message = begun(news, Occasion::digest, week, status.now, "BackupFailed",
                             digest_subject(status, instance_of(status)));
        message.text = digest_text(status, instance_of(status));
        messages.push_back(std::move(message));
    }
    return messages;
}

} // namespace miraclemax::telemetry
