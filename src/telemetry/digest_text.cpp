#include "telemetry/digest_text.hpp"

#include "telemetry/escaping.hpp"
#include "telemetry/wording.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <ctime>

namespace miraclemax::telemetry {
namespace {

std::string runs_text(const WeekStatus& week) {
    if (week.runs == 0)
        return "no backup ran";
    return fmt::format("{} of {} {} whole", week.whole, count_text(week.runs, "backup"),
                       week.runs == 1 ? "is" : "are");
}

std::string since(const std::optional<Time>& time, Time now) {
    return time ? ago_text(*time, now) : "never";
}

std::string component_line(const ComponentStatus& component, Time now) {
    auto line = fmt::format("- {}: last good {}, proven {}, restored {}, {}", one_line(component.name),
                            since(component.last_good, now), since(component.verified, now),
                            since(component.restored, now), size_text(component.stored));
    if (!component.last_ok)
        line += "; FAILED" + (component.reason.empty() ? "" : ": " + one_line(component.reason));
    if (!component.verify_trouble.empty())
        line += "; its proof found: " + one_line(component.verify_trouble);
    return line + "\n";
}

std::string tier_line(const TierStatus& tier) {
    auto line = fmt::format("- {}: {}, {}, {} free", one_line(tier.name), count_text(tier.backups, "backup"),
                            size_text(tier.stored), size_text(tier.free_bytes));
    if (tier.days_until_full)
        line += fmt::format(", full in about {:.0f} days", *tier.days_until_full);
    if (!tier.trouble.empty())
        line += "; " + one_line(tier.trouble);
    return line + "\n";
}

std::string key_line(const KeyStatus& key, Time now) {
    return fmt::format("- {} {}{}{}\n", one_line(key.fingerprint), one_line(key.owner),
                       key.expires ? ", expires " + ago_text(*key.expires, now) : "",
                       key.trouble.empty() ? "" : "; " + one_line(key.trouble));
}

} // namespace

// Due from Monday 8:00 of this week on, so that a host that was off then makes up for it.
std::string digest_due(Time now, std::string& last_week) {
    const auto seconds = std::chrono::system_clock::to_time_t(now);
    std::tm at{};
    if (::localtime_r(&seconds, &at) == nullptr)
        return "";
    char text[16]{};
    std::strftime(text, sizeof text, "%G-W%V", &at);
    const std::string week(text);
    const bool monday = at.tm_wday == 1;
    if (week == last_week || (monday && at.tm_hour < 8))
        return "";
    // At the very first look the week may be half over; a week that lies before the last means that the clock
    // stood wrong, then or now.
    const bool tell = last_week.empty() ? monday : week > last_week;
    last_week = week;
    return tell ? week : "";
}

std::string digest_subject(const Status& status, const std::string& instance) {
    auto subject = "the week of " + instance + ": " + runs_text(status.week);
    if (!status.problems.empty())
        subject += ", " + count_text(status.problems.size(), "problem");
    return subject;
}

std::string digest_text(const Status& status, const std::string& instance) {
    const auto& week = status.week;
    auto text = fmt::format("The last seven days of {}: {}, {} stored.\n", instance, runs_text(week),
                            size_text(week.stored));
    text += "Last backup that was whole: " + since(status.last_success, status.now) + "\n";
    if (!status.problems.empty())
        text += "\nProblems:\n";
    for (const auto& problem : status.problems)
        text += fmt::format("- {}{}\n", problem.component.empty() ? "" : one_line(problem.component) + ": ",
                            one_line(problem.text));
    if (!status.components.empty())
        text += "\nComponents:\n";
    for (const auto& component : status.components)
        text += component_line(component, status.now);
    if (!status.tiers.empty())
        text += "\nWhere backups lie:\n";
    for (const auto& tier : status.tiers)
        text += tier_line(tier);
    if (!status.keys.empty())
        text += "\nKeys:\n";
    for (const auto& key : status.keys)
        text += key_line(key, status.now);
    if (!status.next_runs.empty())
        text += "\nNext:\n";
    for (const auto& [job, time] : status.next_runs)
        text += "- " + one_line(job) + " " + coming_text(time, status.now) + "\n";
    return text;
}

} // namespace miraclemax::telemetry
