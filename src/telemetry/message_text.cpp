#include "telemetry/message_text.hpp"

#include "telemetry/escaping.hpp"
#include "telemetry/wording.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace miraclemax::telemetry {
namespace {

constexpr std::size_t longest_log = 8 * 1024;
constexpr int log_lines = 20;

std::string when(Time time) {
    return local_text(time) + " " + zone_text(time);
}

std::string when(const std::optional<Time>& time, const char* none) {
    return time ? when(*time) : none;
}

std::string good_text(const std::optional<Time>& time, const std::string& id) {
    return time ? when(*time) + " (" + id + ")" : "none";
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

std::string name_of_part(const std::string& component) {
    return component.empty() ? "the whole" : one_line(component);
}

std::string text_of_part(const EndedRun::Part& part) {
    return fmt::format("- {}: {}\n  last good backup: {}\n", one_line(part.name),
                       part.reason.empty() ? "failed" : one_line(part.reason),
                       good_text(part.last_good, part.last_good_id));
}

std::string what_to_do(const std::string& runbook, const std::string& alert) {
    return "\nWhat to do: " +
           (runbook.empty() ? "compose/monitoring/runbook.md, \"" + alert + "\"" : runbook) + "\n";
}

// A proof that found something wrong needs somebody at once.
std::string next_steps(const EndedRun& ended) {
    if (ended.kind == "replicate")
        return "The backups themselves are not touched. `miraclemax replicate` copies what is missing.\n";
    if (ended.kind != "verify")
        return "";
    std::string text = "`miraclemax verify --all` tells which backups are good";
    if (!ended.failed.empty())
        text +=
            ", `miraclemax backup --component " + one_line(ended.failed.front().name) + "` makes a new one";
    return text + ". Then look after the disk.\n";
}

} // namespace

std::string instance_of(const Status& status) {
    if (status.instance.empty() || status.instance == "miraclemax")
        return status.host.empty() ? "miraclemax" : status.host;
    return status.host.empty() ? status.instance : status.host + "/" + status.instance;
}

std::string noun_of(const EndedRun& ended) {
    return ended.kind == "replicate" ? "replication" : ended.kind;
}

std::string failure_subject(const Status& status, const EndedRun& ended) {
    const auto begin = noun_of(ended) + " of " + instance_of(status) + " failed: ";
    const auto& failed = ended.failed;
    if (failed.empty())
        return begin + reason_of(ended.run);
    if (failed.size() == 1)
        return begin + failed.front().name +
               (failed.front().reason.empty() ? "" : ": " + one_line(failed.front().reason));
    std::vector<std::string> names;
    for (const auto& each : failed)
        names.push_back(each.name);
    return begin + first_names(names);
}

std::string failure_text(const Status& status, const EndedRun& ended, const std::string& runbook,
                         const std::string& alert) {
    const auto& run = ended.run;
    auto text = fmt::format("The {} {} of {} failed.\n\nReason: {} (exit code {})\nBegan:  {}\nEnded:  {}\n",
                            noun_of(ended), run.id, instance_of(status), reason_of(run), run.code,
                            when(run.began), when(run.ended));
    text += "Last " + noun_of(ended) + (ended.kind == "verify" ? " that was good: " : " that was whole: ") +
            when(ended.last_success, "none yet") + "\n";
    if (!ended.failed.empty())
        text += "\nComponents that failed:\n";
    for (const auto& part : ended.failed)
        text += text_of_part(part);
    if (!status.unreleased.empty())
        text += "\nContainers that are not as they were:\n";
    for (const auto& container : status.unreleased)
        text += "- " + one_line(container) + "\n";
    text += what_to_do(runbook, alert) + next_steps(ended);
    if (const auto lines = last_lines(ended.log); !lines.empty())
        text += "\nThe log's last lines:\n" + lines;
    return text + "\nThe rest: `miraclemax status`" +
           (run.published ? " and `miraclemax show " + run.id + "`" : "") +
           " in the sidecar (podman exec), and its log (podman logs).\n";
}

std::string success_text(const Status& status, const EndedRun& ended, const std::string& begin) {
    const auto& run = ended.run;
    const bool verify = ended.kind == "verify";
    auto text = fmt::format("{}\n\n{} {}\nEnded:   {}\n", begin,
                            verify                      ? "Verify: "
                            : ended.kind == "replicate" ? "Run:    "
                                                        : "Backup: ",
                            run.id, when(run.ended));
    if (!verify)
        text += "Stored:  " + size_text(run.stored) + "\n";
    text += "Took:    " +
            duration_text(std::chrono::floor<std::chrono::milliseconds>(run.ended - run.began).count()) +
            "\n";
    for (const auto& problem : status.problems)
        text += "Note:    " + one_line(problem.text) + "\n";
    return text;
}

std::string stale_subject(const Status& status, const std::vector<Stale>& stale) {
    const auto begin = "backup of " + instance_of(status) + " is stale: ";
    if (stale.size() == 1)
        return begin + stale.front().text;
    std::vector<std::string> names;
    for (const auto& each : stale)
        names.push_back(name_of_part(each.component));
    return begin + first_names(names);
}

std::string stale_text(const Status& status, const std::vector<Stale>& stale, const std::string& runbook,
                       const std::string& alert) {
    auto text = "The backup of " + instance_of(status) + " is older than it should be.\n\n";
    for (const auto& each : stale)
        text += "- " + one_line(each.text) + "\n";
    text += "\nLast backup that was whole: " + when(status.last_success, "none yet") + "\n";
    for (const auto& component : status.components)
        text += "- " + one_line(component.name) +
                ": last good backup: " + good_text(component.last_good, component.last_good_id) + "\n";
    const auto next = status.next_runs.find("backup");
    text += "Next planned backup: " + (next == status.next_runs.end() ? "none" : when(next->second)) + "\n";
    return text + what_to_do(runbook, alert) +
           "`miraclemax status` tells whether runs failed or never began, `miraclemax backup` makes one now "
           "(podman exec).\n";
}

std::string fresh_subject(const Status& status, const std::vector<std::string>& over) {
    const bool whole = std::find(over.begin(), over.end(), "") != over.end();
    std::string names;
    for (const auto& each : over)
        if (!whole)
            names += (names.empty() ? "" : ", ") + one_line(each);
    return "backup of " + instance_of(status) + " is no longer stale" + (names.empty() ? "" : ": " + names);
}

std::string fresh_text(const Status& status, const std::vector<std::string>& over) {
    auto text = "The " + fresh_subject(status, over) + ".\n\n";
    return text + "Last backup that was whole: " + when(status.last_success, "none yet") + "\n";
}

} // namespace miraclemax::telemetry
