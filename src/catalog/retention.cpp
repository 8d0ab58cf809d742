#include "catalog/retention.hpp"

#include "catalog/retention_folder.hpp"
#include "catalog/retention_rules.hpp"
#include "catalog/shell_words.hpp"

#include <algorithm>
#include <unordered_map>

#include <fmt/format.h>

namespace miraclemax::catalog {
namespace {

// "20251016_030000_10" lies after "…_2".
bool lies_before(const RetentionRecord& a, const RetentionRecord& b) {
    if (a.ended != b.ended) {
        return a.ended < b.ended;
    }
    return a.id.size() != b.id.size() ? a.id.size() < b.id.size() : a.id < b.id;
}

std::uint64_t median_of(std::vector<std::uint64_t> sizes) {
    std::sort(sizes.begin(), sizes.end());
    const std::size_t half = sizes.size() / 2;
    if (sizes.size() % 2 == 1) {
        return sizes[half];
    }
    return sizes[half - 1] + (sizes[half] - sizes[half - 1]) / 2;
}

class Judge {
public:
    Judge(std::vector<RetentionRecord> records, const RetentionPolicy& policy, const RetentionClock& clock);
    RetentionPlan judge();

private:
    void find_good_copies();
    void want(const std::string& name, const std::vector<Copy>& copies, const RetentionRules& rules);
    void hold_if_small(const std::string& name, const std::vector<Copy>& copies);
    void hold_by_clock();
    void keep_folders();
    void keep_bases();
    void keep(Folder& folder, const std::string& reason) {
        if (folder.keep.empty()) {
            folder.keep = reason;
        }
    }
    [[nodiscard]] Folder* newest_readable();

    const RetentionPolicy& policy_;
    const RetentionClock& clock_;
    const std::chrono::local_days today_;
    std::vector<Folder> folders_; // oldest first
    std::unordered_map<std::string, Folder*> by_id_;
    std::map<std::string, std::vector<Copy>> copies_; // oldest first
    std::vector<std::string> warnings_;
};

Judge::Judge(std::vector<RetentionRecord> records, const RetentionPolicy& policy, const RetentionClock& clock)
    : policy_(policy), clock_(clock), today_(CalendarTime(clock.now).day()) {
    std::sort(records.begin(), records.end(), lies_before);
    folders_.reserve(records.size());
    for (RetentionRecord& record : records) {
        const CalendarTime ended(record.ended);
        folders_.push_back({.record = std::move(record), .ended = ended});
    }
    for (Folder& folder : folders_) {
        if (!folder.record.readable) {
            folder.record.components.clear();
        }
        folder.reasons.resize(folder.record.components.size());
        by_id_.emplace(folder.record.id, &folder);
    }
}

// Bases are older than what stands on them: one pass from the oldest decides all.
void Judge::find_good_copies() {
    for (Folder& folder : folders_) {
        for (std::size_t index = 0; index < folder.record.components.size(); ++index) {
            const HeldComponent& held = folder.record.components[index];
            auto& copies = copies_[held.name];
            const bool stands =
                held.base.empty() || std::any_of(copies.begin(), copies.end(), [&](const Copy& copy) {
                    return copy.folder != &folder && copy.folder->record.id == held.base && copy.good();
                });
            folder.good.push_back(held.good && stands);
            copies.push_back({.folder = &folder, .index = index});
        }
    }
}

void Judge::want(const std::string& name, const std::vector<Copy>& copies, const RetentionRules& rules) {
    if (!any_rule(rules)) {
        for (const Copy& copy : copies) {
            *copy.ruled().reason = "there is no rule";
        }
        return;
    }
    std::vector<RuledCopy> good;
    std::vector<RuledCopy> since; // what there is after the last good one
    for (const Copy& copy : copies) {
        if (copy.good()) {
            good.push_back(copy.ruled());
            since.clear();
        } else if (copy.held().size > 0) {
            since.push_back(copy.ruled());
        }
    }
    const bool fails = !copies.back().good() && within_days(rules, copies.back().folder->ended, today_);
    if (fails && !good.empty() && good.back().ended->day() < today_) {
        apply_rules(rules, good, good.back().ended->day(), "not over {} older than its last good copy");
    } else {
        apply_rules(rules, good, today_);
    }
    apply_rules(rules, since, today_);
    if (!good.empty() && good.back().reason->empty()) {
        *good.back().reason = "last good backup of " + plain(name);
    }
    if (!since.empty() && since.back().reason->empty()) {
        *since.back().reason = "the newest there is of " + plain(name);
    }
    for (const Copy& copy : copies) {
        std::string& reason = *copy.ruled().reason;
        if (copy.good()) {
            continue;
        }
        if (reason.empty() && within_days(rules, copy.folder->ended, today_)) {
            reason = fmt::format("not older than {}", days_text(rules));
        }
        if (!reason.empty()) {
            reason.insert(0, "not good, but ");
        }
    }
}

void Judge::hold_if_small(const std::string& name, const std::vector<Copy>& copies) {
    const auto newest =
        std::find_if(copies.rbegin(), copies.rend(), [](const Copy& copy) { return copy.good(); });
    if (newest == copies.rend()) {
        return;
    }
    std::vector<std::uint64_t> sizes;
    for (auto copy = newest + 1; copy != copies.rend() && sizes.size() < policy_.history; ++copy) {
        if (copy->good() && copy->held().base.empty() == newest->held().base.empty()) {
            sizes.push_back(copy->held().size);
        }
    }
    if (sizes.empty()) {
        return;
    }
    const std::uint64_t median = median_of(sizes);
    if (static_cast<double>(newest->held().size) >= policy_.suspicious_share * static_cast<double>(median)) {
        return;
    }
    const std::string what =
        fmt::format("the newest good copy of {} is suspiciously small ({}, {} before)", plain(name),
                    readable_size(newest->held().size), readable_size(median));
    warnings_.push_back(what + ": its good copies are all kept until backups of this size are the rule");
    for (const Copy& copy : copies) {
        if (copy.good()) {
            keep(*copy.folder, "held: " + what);
        }
    }
}

Folder* Judge::newest_readable() {
    const auto newest = std::find_if(folders_.rbegin(), folders_.rend(),
                                     [](const Folder& folder) { return folder.record.readable; });
    return newest == folders_.rend() ? nullptr : &*newest;
}

void Judge::hold_by_clock() {
    const Folder* newest = newest_readable();
    std::string what;
    if (newest != nullptr && clock_.now < newest->record.ended) {
        what = fmt::format("the clock stands behind {}, the newest backup", newest->record.id);
        warnings_.push_back(what +
                            ": nothing is removed until it has caught up; if the clock is right, the time "
                            "of that backup is wrong");
    } else if (clock_.jumped) {
        what = "the clock jumped";
        warnings_.push_back(what + ": nothing is removed");
    } else {
        return;
    }
    for (Folder& folder : folders_) {
        keep(folder, "held: " + what);
    }
}

void Judge::keep_folders() {
    const Folder* newest = newest_readable();
    for (Folder& folder : folders_) {
        const bool empty = folder.record.components.empty();
        if (!folder.record.readable) {
            keep(folder, "its manifest is unreadable");
            warnings_.push_back(fmt::format(
                "{} is kept because its manifest is unreadable: look at it with `miraclemax verify {}`",
                folder.record.id, folder.record.id));
        } else if (folder.record.pinned) {
            keep(folder, "pinned");
        } else if (&folder == newest) {
            keep(folder, "the newest backup");
        } else if (empty && !any_rule(policy_.rules)) {
            keep(folder, "there is no rule");
        } else if (empty && within_days(policy_.rules, folder.ended, today_)) {
            keep(folder, fmt::format("not older than {}", days_text(policy_.rules)));
        } else {
            keep(folder, why_kept(folder));
        }
    }
}

void Judge::keep_bases() {
    std::vector<Folder*> look_below;
    for (Folder& folder : folders_) {
        if (!folder.keep.empty()) {
            look_below.push_back(&folder);
        }
    }
    while (!look_below.empty()) {
        const Folder& folder = *look_below.back();
        look_below.pop_back();
        for (const HeldComponent& held : folder.record.components) {
            const auto base = by_id_.find(held.base);
            if (base != by_id_.end() && base->second->keep.empty()) {
                keep(*base->second,
                     fmt::format("base of the {} delta in {}", plain(held.name), folder.record.id));
                look_below.push_back(base->second);
            }
        }
    }
}

RetentionPlan Judge::judge() {
    find_good_copies();
    for (const auto& [name, copies] : copies_) {
        want(name, copies, rules_for(policy_, name));
    }
    hold_by_clock();
    keep_folders();
    for (const auto& [name, copies] : copies_) {
        hold_if_small(name, copies);
    }
    keep_bases();
    RetentionPlan plan{.verdicts = {}, .warnings = std::move(warnings_)};
    plan.verdicts.reserve(folders_.size());
    for (const Folder& folder : folders_) {
        plan.verdicts.push_back(verdict_on(folder, policy_));
    }
    return plan;
}

} // namespace

RetentionPlan plan_retention(std::vector<RetentionRecord> records, const RetentionPolicy& policy,
                             const RetentionClock& clock) {
    return Judge(std::move(records), policy, clock).judge();
}

} // namespace miraclemax::catalog
