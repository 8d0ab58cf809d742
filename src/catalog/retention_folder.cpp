#include "catalog/retention_folder.hpp"

#include "catalog/shell_words.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace miraclemax::catalog {
namespace {

using Grouped = std::map<std::string, std::vector<std::string>>; // reason to components

// "kept by no rule", or "kept by no rule (n8n, wiki); older than 3 days, and kept by no rule (grafana)".
// `all`: so many components there are; one reason for all of them needs no names.
std::string text_of(const Grouped& components, std::size_t all) {
    std::string text;
    for (const auto& [reason, names] : components) {
        text += (text.empty() ? "" : "; ") + reason;
        const bool said = names.size() == 1 && reason.ends_with(" " + names.front());
        if (names.size() < all && !said) {
            const std::size_t named = std::min<std::size_t>(names.size(), 3);
            text += fmt::format(" ({}{})",
                                fmt::join(names.begin(), names.begin() + static_cast<long>(named), ", "),
                                named < names.size() ? ", …" : "");
        }
    }
    return text;
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
    Grouped wanting;
    for (std::size_t index = 0; index < folder.reasons.size(); ++index) {
        if (!folder.reasons[index].empty()) {
            wanting[folder.reasons[index]].push_back(plain(folder.record.components[index].name));
        }
    }
    return text_of(wanting, folder.reasons.size());
}

RetentionVerdict verdict_on(const Folder& folder, const RetentionPolicy& policy) {
    RetentionVerdict verdict{
        .id = folder.record.id, .keep = !folder.keep.empty(), .reason = folder.keep, .components = {}};
    Grouped against;
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
        verdict.reason = against.empty() ? "holds nothing" : text_of(against, folder.reasons.size());
    }
    return verdict;
}

} // namespace miraclemax::catalog
