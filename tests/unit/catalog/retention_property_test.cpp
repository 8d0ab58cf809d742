// Random small histories against what must always hold. MIRACLEMAX_TEST_LONG: a million of them.
#include "catalog/retention.hpp"

#include "unit/catalog/zone.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>

namespace miraclemax::catalog {
namespace {

using namespace std::chrono_literals;
using std::chrono::sys_seconds;

struct History {
    std::vector<RetentionRecord> records; // oldest first
    RetentionPolicy policy;
    RetentionClock clock;
};

class Dice {
public:
    explicit Dice(std::uint32_t seed) : engine_(seed) {}
    unsigned below(unsigned end) { return engine_() % end; }
    bool percent(unsigned chance) { return below(100) < chance; }
    unsigned rule() { return percent(80) ? 0 : 1 + below(3); }

    RetentionRules rules() {
        RetentionRules rules{.days = percent(30) ? below(20) : 0,
                             .last = rule(),
                             .hourly = rule(),
                             .daily = rule(),
                             .weekly = rule(),
                             .monthly = rule(),
                             .yearly = rule()};
        if (rules.days + rules.last + rules.hourly + rules.daily + rules.weekly + rules.monthly +
                rules.yearly ==
            0)
            rules.last = 1;
        return rules;
    }

    HeldComponent component(const std::string& name, const std::vector<RetentionRecord>& before) {
        HeldComponent held{.name = name, .good = percent(75), .base = {}, .size = 900 + below(200)};
        if (percent(3))
            held.size = below(300);
        if (!before.empty() && percent(30))
            held.base = before[before.size() - 1 - below(std::min<unsigned>(3, before.size()))].id;
        return held;
    }

    History history() {
        History history{.policy = {.rules = rules()}};
        for (const char* name : {"a", "b", "c"})
            if (percent(30))
                history.policy.components[name] = percent(90) ? rules() : RetentionRules{.days = 0};
        sys_seconds time = sys_seconds(1'700'000'000s) + std::chrono::hours(below(24 * 365));
        const unsigned count = 1 + below(10);
        const unsigned pace = 1 + below(3);
        for (unsigned index = 0; index < count; ++index) {
            RetentionRecord record{.id = "b" + std::to_string(10 + index),
                                   .ended = time,
                                   .pinned = percent(4),
                                   .readable = !percent(4)};
            for (const char* name : {"a", "b", "c"})
                if (percent(70))
                    record.components.push_back(component(name, history.records));
            history.records.push_back(record);
            time += pace == 1 ? std::chrono::minutes(below(120))
                              : std::chrono::hours(below(pace == 2 ? 60 : 1500));
        }
        history.clock = {.now = history.records.back().ended + std::chrono::hours(below(24 * 45)),
                         .jumped = percent(3)};
        if (percent(4))
            history.clock.now -= std::chrono::hours(below(24 * 90));
        return history;
    }

private:
    std::mt19937 engine_;
};

bool none(const RetentionRules& rules) {
    return rules.days + rules.last + rules.hourly + rules.daily + rules.weekly + rules.monthly +
               rules.yearly ==
           0;
}

std::set<std::string> kept(const RetentionPlan& plan) {
    std::set<std::string> ids;
    for (const auto& verdict : plan.verdicts)
        if (verdict.keep)
            ids.insert(verdict.id);
    return ids;
}

std::set<std::string> kept(const History& history) {
    return kept(plan_retention(history.records, history.policy, history.clock));
}

const RetentionRecord* find(const History& history, const std::string& id) {
    for (const auto& record : history.records)
        if (record.id == id && record.readable)
            return &record;
    return nullptr;
}

const HeldComponent* find(const RetentionRecord& record, const std::string& name) {
    for (const auto& held : record.components)
        if (held.name == name)
            return &held;
    return nullptr;
}

// By another way than the code: from the copy downwards.
bool can_be_restored(const History& history, const RetentionRecord& record, const std::string& name) {
    const HeldComponent* held = find(record, name);
    if (!record.readable || held == nullptr || !held->good)
        return false;
    if (held->base.empty())
        return true;
    const RetentionRecord* base = find(history, held->base);
    return base != nullptr && can_be_restored(history, *base, name);
}

std::vector<const RetentionRecord*> good_copies(const History& history, const std::string& name) {
    std::vector<const RetentionRecord*> copies;
    for (const auto& record : history.records)
        if (can_be_restored(history, record, name))
            copies.push_back(&record);
    return copies;
}

int days_before(sys_seconds from, sys_seconds to) {
    const auto day = [](sys_seconds moment) {
        const std::time_t time = moment.time_since_epoch().count();
        std::tm fields{};
        ::localtime_r(&time, &fields);
        std::tm date{};
        date.tm_year = fields.tm_year;
        date.tm_mon = fields.tm_mon;
        date.tm_mday = fields.tm_mday;
        return ::timegm(&date) / 86400;
    };
    return static_cast<int>(day(to) - day(from));
}

void expect_rules_are_kept(const History& history, const std::set<std::string>& ids) {
    for (const char* name : {"a", "b", "c"}) {
        const auto copies = good_copies(history, name);
        if (copies.empty())
            continue;
        EXPECT_TRUE(ids.contains(copies.back()->id)) << "the last good copy of " << name << " is gone";
        const auto own = history.policy.components.find(name);
        const RetentionRules& rules =
            own == history.policy.components.end() ? history.policy.rules : own->second;
        for (std::size_t index = 0; index < copies.size(); ++index) {
            const bool young = rules.days != 0 && days_before(copies[index]->ended, history.clock.now) <=
                                                      static_cast<int>(rules.days);
            if (none(rules) || young || copies.size() - index <= rules.last) {
                EXPECT_TRUE(ids.contains(copies[index]->id)) << copies[index]->id << " for " << name;
            }
        }
        if (rules.yearly + rules.monthly + rules.weekly + rules.daily + rules.hourly > 0) {
            EXPECT_TRUE(ids.contains(copies.back()->id));
        }
    }
}

void expect_nothing_needed_goes(const History& history, const std::set<std::string>& ids) {
    const RetentionRecord* newest = nullptr;
    for (const auto& record : history.records) {
        if (!record.readable || record.pinned) {
            EXPECT_TRUE(ids.contains(record.id)) << record.id << " is pinned or unreadable";
        }
        if (record.readable)
            newest = &record;
        if (!ids.contains(record.id) || !record.readable)
            continue;
        for (const auto& held : record.components)
            if (find(history, held.base) != nullptr) {
                EXPECT_TRUE(ids.contains(held.base)) << record.id << " stands on " << held.base;
            }
    }
    if (newest == nullptr)
        return;
    EXPECT_TRUE(ids.contains(newest->id)) << "the newest is gone";
    if (history.clock.jumped || history.clock.now < newest->ended) {
        EXPECT_EQ(ids.size(), history.records.size()) << "the clock is not to be trusted";
    }
}

void expect_stable(const History& history, const std::set<std::string>& ids, Dice& dice) {
    History shuffled = history;
    for (std::size_t index = shuffled.records.size(); index > 1; --index)
        std::swap(shuffled.records[index - 1], shuffled.records[dice.below(static_cast<unsigned>(index))]);
    EXPECT_EQ(kept(shuffled), ids) << "the order matters";

    History pruned = history;
    std::erase_if(pruned.records, [&](const auto& record) { return !ids.contains(record.id); });
    EXPECT_EQ(kept(pruned), ids) << "pruning again removes more";

    History more = history;
    // The first rule of a component that had none lets go of what had to stay: no further one.
    const auto own = more.policy.components.find("a");
    const bool ruled = own != more.policy.components.end() && !none(own->second);
    RetentionRules& rules = dice.percent(50) && ruled ? own->second : more.policy.rules;
    for (unsigned RetentionRules::*rule :
         {&RetentionRules::days, &RetentionRules::last, &RetentionRules::hourly, &RetentionRules::daily,
          &RetentionRules::weekly, &RetentionRules::monthly, &RetentionRules::yearly})
        if (dice.percent(25))
            rules.*rule += 1 + dice.below(3);
    const auto with_more = kept(more);
    EXPECT_TRUE(std::includes(with_more.begin(), with_more.end(), ids.begin(), ids.end()))
        << "a further rule removes more";
}

std::string told(const History& history) {
    std::string text;
    for (const auto& verdict : plan_retention(history.records, history.policy, history.clock).verdicts) {
        const RetentionRecord* record = find(history, verdict.id);
        text += verdict.id + (verdict.keep ? " keep " : " remove ") + verdict.reason;
        if (record != nullptr)
            for (const auto& held : record->components)
                text += " | " + held.name + (held.good ? " good " : " bad ") + std::to_string(held.size) +
                        " " + held.base;
        text += "\n";
    }
    return text;
}

TEST(RetentionProperty, HoldsForEveryHistory) {
    const test::Zone zone("Europe/Berlin");
    const std::uint32_t count = std::getenv("MIRACLEMAX_TEST_LONG") != nullptr ? 1'000'000 : 20'000;
    std::uint64_t removed = 0, stayed = 0;
    for (std::uint32_t seed = 0; seed < count; ++seed) {
        Dice dice(seed);
        const History history = dice.history();
        const auto ids = kept(history);
        removed += history.records.size() - ids.size();
        stayed += ids.size();
        expect_rules_are_kept(history, ids);
        expect_nothing_needed_goes(history, ids);
        expect_stable(history, ids, dice);
        if (HasFailure())
            FAIL() << "history " << seed << ":\n" << told(history);
    }
    // The histories are not so that everything stays anyway.
    EXPECT_GT(removed * 4, stayed);
}

} // namespace
} // namespace miraclemax::catalog
