#include "telemetry/charts.hpp"
#include "telemetry/page_parts.hpp"
#include "telemetry/wording.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace miraclemax::telemetry {
namespace {

bool is_fresh(const ComponentStatus& component) {
    return component.last_ok && component.last_good;
}

std::string fact(const std::string& name, const std::string& value, const std::string& more) {
    return fmt::format("<div><dt>{}</dt><dd>{}</dd><dd class=\"small\">{}</dd></div>", name, value, more);
}

std::string last_run_facts(const Status& status) {
    const auto& run = *status.last_run;
    const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(run.ended - run.began).count();
    const auto end = run.killed ? "was killed" : run.ok ? "whole" : "not whole";
    auto out = fact("Last run", time_element(run.ended, ago_text(run.ended, status.now)),
                    fmt::format("{}, {}", local_text(run.began), end));
    out += fact("It took", duration_text(std::max<std::int64_t>(took, 0)),
                run.stored == 0 ? "nothing stored" : size_text(run.stored) + " stored");
    std::int64_t freeze = -1;
    if (!status.runs.empty())
        freeze = status.runs.back().freeze_milliseconds;
    if (freeze >= 0)
        out += fact("Longest freeze", freeze == 0 ? "none" : duration_text(freeze), "of any container in it");
    return out;
}

std::string last_whole(const Status& status) {
    if (!status.last_success)
        return fact("Last whole backup", "never", "");
    return fact("Last whole backup",
                time_element(*status.last_success, ago_text(*status.last_success, status.now)),
                local_text(*status.last_success));
}

std::string next_sentence(const Status& status) {
    const auto next = status.next_runs.find("backup");
    if (next == status.next_runs.end())
        return "No next backup is planned.";
    const auto when = coming_text(next->second, status.now);
    if (when == "now")
        return "The next backup is due now.";
    return fmt::format("Next backup {} {}.", when, zone_text(next->second));
}

std::string run_mark(const Point& run, std::int64_t duration) {
    const auto took = duration < 0 ? std::string() : ", took " + duration_text(duration);
    const auto text = html(fmt::format("{}: {}, {} stored{}", local_text(run.at), run.ok ? "whole" : "failed",
                                       size_text(run.stored), took));
    return fmt::format(R"(<li class="{}" title="{}"><span class="hidden">{}</span></li>)",
                       run.ok ? "good" : "bad", text, text);
}

} // namespace

std::string headline(const Status& status) {
    const auto& all = status.components;
    if (all.empty())
        return "Nothing is labelled for backup yet.";
    if (!status.last_run && std::none_of(all.begin(), all.end(), is_fresh))
        return "No backup has run yet.";
    const auto fresh = static_cast<std::size_t>(std::count_if(all.begin(), all.end(), is_fresh));
    // The oldest of them: what is said of all must be true of each.
    std::optional<Time> oldest;
    for (const auto& each : all)
        if (is_fresh(each) && (!oldest || *each.last_good < *oldest))
            oldest = each.last_good;
    if (fresh == all.size())
        return fmt::format("{} backed up {}.",
                           all.size() == 1 ? "The one component was"
                                           : "All " + count_text(all.size(), "component") + " were",
                           ago_text(*oldest, status.now));
    if (fresh == 0)
        return all.size() == 1
                   ? "The one component was not backed up at the last try."
                   : fmt::format("None of {} components was backed up at the last try.", all.size());
    const auto stale = std::find_if_not(all.begin(), all.end(), is_fresh);
    const auto rest = all.size() - fresh > 1 ? fmt::format("{} were not", all.size() - fresh)
                      : stale->last_good
                          ? fmt::format("{} last {}", stale->name, ago_text(*stale->last_good, status.now))
                          : stale->name + " never";
    return fmt::format("{} of {} components were backed up {}, {}.", fresh, all.size(),
                       ago_text(*oldest, status.now), rest);
}

std::string summary_part(const Status& status) {
    std::string facts;
    if (status.last_run)
        facts = last_run_facts(status);
    facts += last_whole(status);
    std::string why;
    if (status.last_run && !status.last_run->ok && !status.last_run->message.empty())
        why = fmt::format(R"(<p class="why">The last run said: {}</p>)", html(status.last_run->message));
    return fmt::format(
        R"(<section class="summary"><h1>{}</h1><p class="next">{}</p>{}<dl class="facts">{}</dl></section>)",
        html(headline(status)), html(next_sentence(status)), why, facts);
}

std::string runs_part(const Status& status) {
    if (status.runs.empty())
        return {};
    constexpr std::size_t places = 30;
    std::string list;
    for (std::size_t i = status.runs.size(); i < places; ++i)
        list += R"(<li aria-hidden="true"></li>)";
    for (std::size_t i = 0; i < status.runs.size(); ++i)
        list += run_mark(status.runs[i],
                         i < status.durations_milliseconds.size() ? status.durations_milliseconds[i] : -1);
    const auto failed =
        std::count_if(status.runs.begin(), status.runs.end(), [](const auto& each) { return !each.ok; });
    return fmt::format(R"(<section><h2>Last {}</h2><ol class="strip">{}</ol>)"
                       R"(<p class="ends"><span>{}</span><span>{}</span><span>{}</span></p></section>)",
                       count_text(status.runs.size(), "run"), list,
                       time_element(status.runs.front().at, local_text(status.runs.front().at)),
                       failed == 0
                           ? "all whole"
                           : fmt::format("{} whole, <b>{} failed</b>",
                                         status.runs.size() - static_cast<std::size_t>(failed), failed),
                       time_element(status.runs.back().at, local_text(status.runs.back().at)));
}

std::string schedule_part(const Status& status) {
    if (status.next_runs.empty())
        return {};
    std::string list;
    for (const auto& [job, time] : status.next_runs)
        list += fmt::format("<div><dt><bdi>{}</bdi></dt><dd>{}<span class=\"small\">{}</span></dd></div>",
                            html(job), time_element(time, coming_text(time, status.now)),
                            html(ago_text(time, status.now)));
    const auto& messages = status.notifications;
    std::string told;
    if (messages.sent + messages.failed + messages.waiting > 0)
        told = fmt::format("<p class=\"small told\">Messages: {} delivered, {} waiting, {} given up.</p>",
                           messages.sent, messages.waiting, messages.failed);
    return "<section><h2>Next runs</h2><dl class=\"rows\">" + list + "</dl>" + told + "</section>";
}

} // namespace miraclemax::telemetry
