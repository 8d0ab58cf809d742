#include "cli/reports.hpp"

#include "cli/text.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <ctime>
#include <ostream>

namespace miraclemax::cli {
namespace {

using nlohmann::json;

std::string local(telemetry::Time time) {
    const std::time_t seconds = std::chrono::system_clock::to_time_t(time);
    std::tm local{};
    ::localtime_r(&seconds, &local);
    char text[64];
    return {text, std::strftime(text, sizeof text, "%Y-%m-%d %H:%M", &local)};
}

std::string age(telemetry::Time now, const std::optional<telemetry::Time>& then) {
    if (!then)
        return "never";
    const auto hours = std::chrono::duration_cast<std::chrono::hours>(now - *then).count();
    if (hours < 1)
        return "just now";
    return hours < 48 ? fmt::format("{} h ago", hours) : fmt::format("{} days ago", hours / 24);
}

} // namespace

void print_pruned(const run::PruneResult& result, bool dry_run, bool as_json, std::ostream& out) {
    if (as_json) {
        json verdicts = json::array();
        for (const auto& each : result.plan.verdicts) {
            json components = json::array();
            for (const auto& one : each.components)
                components.push_back({{"name", one.name}, {"wanted", one.wanted}, {"reason", one.reason}});
            verdicts.push_back({{"id", each.id},
                                {"keep", each.keep},
                                {"reason", each.reason},
                                {"components", std::move(components)}});
        }
        out << json{{"dry_run", dry_run},
                    {"verdicts", verdicts},
                    {"removed", result.removed},
                    {"warnings", result.warnings}}
                   .dump(2, ' ', false, json::error_handler_t::replace)
            << '\n';
        return;
    }
    for (const auto& each : result.plan.verdicts)
        out << line(fmt::format("{:<7} {:<20} {}",
                                each.keep ? "keep"
                                : dry_run ? "would go"
                                          : "removed",
                                each.id, each.reason));
    for (const auto& warning : result.warnings)
        out << line("warning: " + warning);
    if (result.plan.verdicts.empty())
        out << "no backup yet\n";
}

void print_status(const telemetry::Status& status, std::ostream& out) {
    for (const auto& problem : status.problems)
        out << line(fmt::format("{} {}: {}",
                                problem.severity == telemetry::Severity::critical ? "CRITICAL" : "warning ",
                                problem.alert, problem.text));
    if (!status.last_run)
        out << "no backup run yet\n";
    else
        out << line(fmt::format("last run     {} {}, {}", local(status.last_run->ended),
                                status.last_run->ok ? "whole" : "NOT whole",
                                bytes_text(status.last_run->stored)));
    out << line(fmt::format("last whole   {}", age(status.now, status.last_success)));
    for (const auto& [job, time] : status.next_runs)
        out << line(fmt::format("next {:<7} {}", job, local(time)));
    for (const auto& each : status.components)
        out << line(fmt::format("  {:<24} {:<9} last good {}, proven {}, {} stored, frozen {} ms", each.name,
                                each.last_ok ? "ok" : "FAILED", age(status.now, each.last_good),
                                age(status.now, each.verified), bytes_text(each.stored),
                                each.freeze_milliseconds));
    for (const auto& tier : status.tiers)
        out << line(fmt::format("tier {:<7} {} backups, {} stored, {} free{}", tier.name, tier.backups,
                                bytes_text(tier.stored), bytes_text(tier.free_bytes),
                                tier.ok ? "" : "; FAILED: " + tier.trouble));
}

} // namespace miraclemax::cli
