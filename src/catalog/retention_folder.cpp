#include "catalog/retention_folder.hpp"

#include "catalog/shell_words.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace miraclemax::catalog {
namespace {

// "kept by no rule", or "kept by no rule (n8n, wiki); older than 3 days, and kept by no rule (grafana)".
std::string against_text(const std::map<std::string, std::vector<std::string>>& components) {
    std::string text;
    for (const auto& [reason, names] : components) {
        text += (text.empty() ? "" : "; ") + reason;
        if (components.size() > 1) {
            const std::size_t named = std::min<std::size_t>(names.size(), 3);
            text += fmt::format(" ({}{})",
                                fmt::join(names.begin(), names.begin() + static_cast<long>(named), ", "),
                                named < names.size() ? ", …" : "");
        }
    }
    return text.empty() ? "holds nothing" : text;
}

std::string unwanted(const Folder& folder, std::size_t index, const RetentionPolicy& policy) {
    const RetentionRules& rules = rules_for(policy, folder.record.components[index].name);
    const std::string age = rules.days == 0 ? "" : fmt::format("older than {}, and ", days_text(rules));
    return age + (folder.good[index] ? "kept by no rule" : "not good");
}

} // namespace

const RetentionRules& rules_for(const RetentionPolicy& policy, const std::string& component) {
    const auto own = policy.components.find(component);
    return own == policy.components.end() ? policy.rules : own->second;
}

std::string why_kept(const Folder& folder) {
    const auto first = std::find_if(folder.reasons.begin(), folder.reasons.end(),
                                    [](const std::string& reason) { return !reason.empty(); });
    if (first == folder.reasons.end()) {
        return {};
    }
    const std::string& name =
        folder.record.components[static_cast<std::size_t>(first - folder.reasons.begin())].name;
    const bool alike = std::all_of(folder.reasons.begin(), folder.reasons.end(),
                                   [&](const std::string& reason) { return reason == *first; });
    return alike || first->find(plain(name)) != std::string::npos
               ? *first
               : fmt::format("{} ({})", *first, plain(name));
}

RetentionVerdict verdict_on(const Folder& folder, const RetentionPolicy& policy) {
    RetentionVerdict verdict{
        .id = folder.record.id, .keep = !folder.keep.empty(), .reason = folder.keep, .components = {}};
    std::map<std::string, std::vector<std::string>> against; // reason to components
    for (std::size_t index = 0; index < folder.reasons.size(); ++index) {
        const std::string& name = folder.record.components[index].name;
        const bool wanted = !folder.reasons[index].empty();
        std::string reason = wanted ? folder.reasons[index] : unwanted(folder, index, policy);
        if (!verdict.keep) {
            against[reason].push_back(plain(name));
        }
        verdict.components.push_back({.name = name, .wanted = wanted, .reason = std::move(reason)});
    }
    if (!verdict.keep) {
        verdict.reason = against_text(against);
    }
    return verdict;
}

} // namespace miraclemax::catalog
