// The rules of retention on the copies of one component. Internal to catalog.
#pragma once

#include "catalog/calendar.hpp"
#include "catalog/retention.hpp"

namespace miraclemax::catalog {

struct RuledCopy {
    const CalendarTime* ended; // borrowed
    std::string* reason;       // borrowed; empty: no rule keeps it (yet)
};

[[nodiscard]] bool any_rule(const RetentionRules& rules);
// days {days} back from `today` are kept; never for days = 0.
[[nodiscard]] bool within_days(const RetentionRules& rules, const CalendarTime& ended,
                               std::chrono::local_days today);
[[nodiscard]] std::string days_text(const RetentionRules& rules); // "30 days"
// Gives a reason to each copy that a rule keeps. The copies are in order, oldest first. `young` is the reason
// for those that `days` keeps, with {} for the text of it.
void apply_rules(const RetentionRules& rules, const std::vector<RuledCopy>& copies,
                 std::chrono::local_days today, const char* young = "not older than {}");

} // namespace miraclemax::catalog
