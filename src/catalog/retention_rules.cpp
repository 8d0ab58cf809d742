#include "catalog/retention_rules.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace miraclemax::catalog {
namespace {

void say(const RuledCopy& copy, std::string reason) {
    if (copy.reason->empty()) {
        *copy.reason = std::move(reason);
    }
}

unsigned wanted_of(const RetentionRules& rules, Period period) {
    switch (period) {
    case Period::hour:
        return rules.hourly;
    case Period::day:
        return rules.daily;
    case Period::week:
        return rules.weekly;
    case Period::month:
        return rules.monthly;
    case Period::year:
        break;
    }
    return rules.yearly;
}

void keep_newest_of_each(Period period, unsigned wanted, const std::vector<RuledCopy>& copies) {
    std::vector<std::int64_t> seen;
    for (auto copy = copies.rbegin(); copy != copies.rend() && seen.size() < wanted; ++copy) {
        const std::int64_t number = copy->ended->number_of(period);
        if (std::find(seen.begin(), seen.end(), number) != seen.end()) {
            continue;
        }
        seen.push_back(number);
        if (copy->reason->empty()) {
            say(*copy, "newest of " + copy->ended->name_of(period));
        }
    }
}

} // namespace

bool any_rule(const RetentionRules& rules) {
    return rules.days != 0 || rules.last != 0 || rules.hourly != 0 || rules.daily != 0 || rules.weekly != 0 ||
           rules.monthly != 0 || rules.yearly != 0;
}

bool within_days(const RetentionRules& rules, const CalendarTime& ended, std::chrono::local_days today) {
    return rules.days != 0 && ended.day() >= today - std::chrono::days{rules.days};
}

std::string days_text(const RetentionRules& rules) {
    return rules.days == 1 ? "1 day" : fmt::format("{} days", rules.days);
}

void apply_rules(const RetentionRules& rules, const std::vector<RuledCopy>& copies,
                 std::chrono::local_days today, const char* young) {
    for (const RuledCopy& copy : copies) {
        if (within_days(rules, *copy.ended, today)) {
            say(copy, fmt::format(fmt::runtime(young), days_text(rules)));
        }
    }
    for (std::size_t back = 1; back <= std::min<std::size_t>(rules.last, copies.size()); ++back) {
        say(copies[copies.size() - back],
            rules.last == 1 ? "the newest copy" : fmt::format("one of the newest {} copies", rules.last));
    }
    for (const Period period : periods) {
        keep_newest_of_each(period, wanted_of(rules, period), copies);
    }
}

} // namespace miraclemax::catalog
