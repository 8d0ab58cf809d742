#include "cli/reports.hpp"

#include "cli/text.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <ostream>

namespace miraclemax::cli {
namespace {

using nlohmann::json;

json object_of(const run::TierResult& tier) {
    json faults = json::array();
    for (const auto& [id, all] : tier.faults)
        for (const auto& each : all)
            faults.push_back({{"id", id},
                              {"where", each.where},
                              {"what", each.what},
                              {"component", each.component},
                              {"code", static_cast<int>(each.code)}});
    return {{"tier", tier.tier},
            {"copied", tier.copied},
            {"bytes", tier.bytes},
            {"faults", std::move(faults)},
            {"removed", tier.removed},
            {"warnings", tier.warnings},
            {"trouble", tier.trouble},
            {"remedy", tier.remedy},
            {"exit_code", static_cast<int>(tier.code())}};
}

} // namespace

void print_tier(const run::TierResult& tier, bool dry_run, std::ostream& out) {
    const auto say = [&](const std::string& text) { out << line(tier.tier + ": " + text); };
    for (const auto& id : tier.copied)
        say((dry_run ? "would copy " : "copied ") + id);
    for (const auto& [id, all] : tier.faults)
        for (const auto& each : all)
            say("FAULTY " + id + ": " + each.where + ": " + each.what);
    for (const auto& id : tier.removed)
        say("removed " + id + ": no rule of its retention keeps it");
    for (const auto& warning : tier.warnings)
        say("warning: " + warning);
    if (!tier.trouble.empty()) {
        say("FAILED: " + tier.trouble);
        if (!tier.remedy.empty())
            out << line("  " + tier.remedy);
    } else if (dry_run) {
        say(fmt::format("{} to copy, {}", plural(tier.copied.size(), "backup"), bytes_text(tier.bytes)));
    } else {
        say(fmt::format("{} copied, {}; it holds {}, {}", plural(tier.copied.size(), "backup"),
                        bytes_text(tier.bytes), plural(tier.status.backups, "backup"),
                        bytes_text(tier.status.stored)));
    }
}

void print_replicated_json(const run::ReplicateResult& result, bool dry_run, std::ostream& out) {
    json tiers = json::array();
    for (const auto& each : result.tiers)
        tiers.push_back(object_of(each));
    out << json{{"dry_run", dry_run},
                {"tiers", std::move(tiers)},
                {"exit_code", static_cast<int>(result.code())}}
               .dump(2, ' ', false, json::error_handler_t::replace)
        << '\n';
}

void print_set_up(const std::vector<std::string>& thoughts, bool as_json, std::ostream& out) {
    if (as_json) {
        out << json{{"warnings", thoughts}}.dump(2, ' ', false, json::error_handler_t::replace) << '\n';
        return;
    }
    for (const auto& each : thoughts)
        out << line("warning: " + each);
    out << "set up: `miraclemax replicate` copies the backups there\n";
}

} // namespace miraclemax::cli
