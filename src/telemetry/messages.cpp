#include "telemetry/notifications.hpp"

#include "telemetry/digest_text.hpp"
#include "telemetry/escaping.hpp"
#include "telemetry/wording.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace miraclemax::telemetry {
namespace {

constexpr const char* alert_name = "BackupFailed";
constexpr std::size_t longest_log = 8 * 1024;
constexpr int log_lines = 20;

std::string instance_of(const Status& status) {
    if (status.instance.empty() || status.instance == "miraclemax")
        return status.host.empty() ? "miraclemax" : status.host;
    return status.host.empty() ? status.instance : status.host + "/" + status.instance;
}

std::string when(Time time) {
    return local_text(time) + " " + zone_text(time);
}

std::string runbook_at(const std::string& base) {
    if (base.empty())
        return "";
    std::string anchor = alert_name; // as GitHub makes one of a headline
    std::transform(anchor.begin(), anchor.end(), anchor.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    return base + "#" + anchor;
}

std::vector<const ComponentStatus*> failed_components(const Status& status) {
    std::vector<const ComponentStatus*> failed;
    for (const auto& component : status.components)
        if (!component.last_ok)
            failed.push_back(&component);
    return failed;
}

std::string last_lines(const std::string& log) {
    auto end = log.size();
    while (end > 0 && log[end - 1] == '\n')
        --end;
    std::size_t begin = end;
    for (int lines = 0; begin > 0; --begin)
        if (log[begin - 1] == '\n' && ++lines == log_lines)
            break;
    if (end - begin > longest_log)
        begin = end - longest_log;
    std::string out;
    for (std::size_t at = begin; at < end;) {
        const auto stop = std::min(log.find('\n', at), end);
        out += "  " + one_line(log.substr(at, stop - at)) + "\n";
        at = stop + 1;
    }
    return out;
}

std::string reason_of(const RunStatus& run) {
    const auto reason =
        run.killed ? std::string("the run was killed before it ended") : one_line(run.message);
    return reason.empty() ? fmt::format("it ended with exit code {}", run.code) : reason;
}

std::string subject_of_failure(const Status& status, const std::vector<const ComponentStatus*>& failed) {
    const auto begin = "backup of " + instance_of(status) + " failed: ";
    if (failed.empty())
        return begin + reason_of(*status.last_run);
    if (failed.size() == 1)
        return begin + failed.front()->name +
               (failed.front()->reason.empty() ? "" : ": " + one_line(failed.front()->reason));
    std::string names;
    for (std::size_t i = 0; i < std::min<std::size_t>(failed.size(), 5); ++i)
        names += (i == 0 ? "" : ", ") + failed[i]->name;
    return begin + names + (failed.size() > 5 ? fmt::format(" and {} more", failed.size() - 5) : "");
}

std::string text_of_component(const ComponentStatus& component) {
    return fmt::format("- {}: {}\n  last good backup: {}\n", one_line(component.name),
                       component.reason.empty() ? "failed" : one_line(component.reason),
                       component.last_good ? when(*component.last_good) + " (" + component.last_good_id + ")"
                                           : "none");
}

std::string text_of_failure(const Status& status, const std::vector<const ComponentStatus*>& failed,
                            const std::string& last_log, const std::string& runbook) {
    const auto& run = *status.last_run;
    auto text =
        fmt::format("The backup {} of {} failed.\n\nReason: {} (exit code {})\nBegan:  {}\nEnded:  {}\n",
                    run.id, instance_of(status), reason_of(run), run.code, when(run.began), when(run.ended));
    text += "Last backup that was whole: " + (status.last_success ? when(*status.last_success) : "none yet") +
            "\n";
    if (!failed.empty())
        text += "\nComponents that failed:\n";
    for (const auto* component : failed)
        text += text_of_component(*component);
    if (!status.unreleased.empty())
        text += "\nContainers that are not as they were:\n";
    for (const auto& container : status.unreleased)
        text += "- " + one_line(container) + "\n";
    text +=
        "\nWhat to do: " +
        (runbook.empty() ? std::string("compose/monitoring/runbook.md, \"") + alert_name + "\"" : runbook) +
        "\n";
    if (const auto lines = last_lines(last_log); !lines.empty())
        text += "\nThe log's last lines:\n" + lines;
    return text + "\nThe rest: `miraclemax status`" +
           (run.published ? " and `miraclemax show " + run.id + "`" : "") +
           " in the sidecar (podman exec), and its log (podman logs).\n";
}

Message begun(const Status& status, Occasion occasion, const std::string& id, Time at) {
    return {.occasion = occasion,
            .id = id + "-" + name_of(occasion),
            .at = at,
            .subject = {},
            .text = {},
            .component = {},
            .alert = alert_name,
            .severity = Severity::critical, // of a recovery too: it is part of an alert's identity
            .instance = instance_of(status),
            .runbook_url = {},
            .firing = {},
            .ended = {}};
}

Message failure(const Status& status, const std::string& last_log, const std::string& runbook_url,
                Said& said) {
    auto message = begun(status, Occasion::failure, status.last_run->id, status.last_run->ended);
    const auto failed = failed_components(status);
    message.runbook_url = runbook_at(runbook_url);
    message.subject = header_text("[miraclemax] " + subject_of_failure(status, failed));
    message.text = text_of_failure(status, failed, last_log, message.runbook_url);
    if (failed.size() == 1)
        message.component = failed.front()->name;
    for (const auto* component : failed)
        message.firing.push_back(component->name);
    if (failed.empty())
        message.firing.emplace_back();
    for (const auto& before : said.firing)
        if (std::find(message.firing.begin(), message.firing.end(), before) == message.firing.end())
            message.ended.push_back(before);
    said.failing = true;
    said.firing = message.firing;
    return message;
}

std::string text_of_success(const Status& status, const std::string& begin) {
    const auto& run = *status.last_run;
    auto text = fmt::format(
        "{}\n\nBackup:  {}\nEnded:   {}\nStored:  {}\nTook:    {}\n", begin, run.id, when(run.ended),
        size_text(run.stored),
        duration_text(std::chrono::floor<std::chrono::milliseconds>(run.ended - run.began).count()));
    for (const auto& problem : status.problems)
        text += "Note:    " + one_line(problem.text) + "\n";
    return text;
}

Message recovery(const Status& status, Said& said) {
    auto message = begun(status, Occasion::recovery, status.last_run->id, status.last_run->ended);
    message.subject = header_text("[miraclemax] backup of " + instance_of(status) + " is whole again");
    message.text = text_of_success(status, "The backup of " + instance_of(status) + " is whole again.");
    std::string names;
    for (const auto& component : said.firing)
        names += component.empty() ? "" : (names.empty() ? "" : ", ") + one_line(component);
    if (!names.empty())
        message.text += "Had failed: " + names + "\n";
    message.ended = said.firing;
    if (said.firing.size() == 1)
        message.component = said.firing.front();
    said.failing = false;
    said.firing.clear();
    return message;
}

Message success(const Status& status) {
    auto message = begun(status, Occasion::success, status.last_run->id, status.last_run->ended);
    message.severity = Severity::warning;
    message.subject = header_text("[miraclemax] backup of " + instance_of(status) + " is whole");
    message.text = text_of_success(status, "The backup of " + instance_of(status) + " is whole.");
    return message;
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

std::vector<Message> messages_for(const Status& status, const std::string& last_log,
                                  const std::string& runbook_url, Said& said) {
    std::vector<Message> messages;
    if (status.last_run && status.last_run->id != said.last_run) {
        said.last_run = status.last_run->id;
        if (!status.last_run->ok)
            messages.push_back(failure(status, last_log, runbook_url, said));
        else
            messages.push_back(said.failing ? recovery(status, said) : success(status));
    }
    if (const auto week = digest_due(status.now, said.last_digest_week); !week.empty()) {
        auto message = begun(status, Occasion::digest, week, status.now);
        message.severity = Severity::warning;
        message.subject = header_text("[miraclemax] " + digest_subject(status, instance_of(status)));
        message.text = digest_text(status, instance_of(status));
        messages.push_back(std::move(message));
    }
    return messages;
}

} // namespace miraclemax::telemetry
