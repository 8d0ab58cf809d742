// The stories in retention/*.txt: what there is, by which rules, and what must become of it.
#include "catalog/retention.hpp"

#include "unit/catalog/zone.hpp"

#include <gtest/gtest.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace miraclemax::catalog {
namespace {

namespace fs = std::filesystem;
using std::chrono::sys_seconds;

struct Story {
    std::string zone = "UTC";
    std::vector<RetentionRecord> records;
    RetentionPolicy policy{.rules = {.days = 0}};
    RetentionClock clock{};
    std::string expected;
};

// "2026-11-29T03:00" or with seconds; UTC.
sys_seconds moment(const std::string& text) {
    int year = 0;
    unsigned month = 0, day = 0, hour = 0, minute = 0, second = 0;
    if (std::sscanf(text.c_str(), "%d-%u-%uT%u:%u:%u", &year, &month, &day, &hour, &minute, &second) < 5)
        throw std::runtime_error("no time: " + text);
    return std::chrono::sys_days(std::chrono::year(year) / month / day) + std::chrono::hours(hour) +
           std::chrono::minutes(minute) + std::chrono::seconds(second);
}

std::string id_of(sys_seconds time) {
    const std::time_t seconds = time.time_since_epoch().count();
    std::tm fields{};
    ::localtime_r(&seconds, &fields);
    char text[32];
    std::strftime(text, sizeof text, "%Y%m%d_%H%M%S", &fields);
    return text;
}

// "n8n=good:100" or "n8n=bad:100<20261128_030000"
HeldComponent component(const std::string& text) {
    const auto equals = text.find('='), colon = text.find(':'), base = text.find('<');
    return {.name = text.substr(0, equals),
            .good = text.substr(equals + 1, colon - equals - 1) == "good",
            .base = base == std::string::npos ? "" : text.substr(base + 1),
            .size = std::stoull(text.substr(colon + 1))};
}

void set_rule(RetentionRules& rules, const std::string& text) {
    const std::map<std::string, unsigned RetentionRules::*> known{
        {"days", &RetentionRules::days},     {"last", &RetentionRules::last},
        {"hourly", &RetentionRules::hourly}, {"daily", &RetentionRules::daily},
        {"weekly", &RetentionRules::weekly}, {"monthly", &RetentionRules::monthly},
        {"yearly", &RetentionRules::yearly}};
    const auto equals = text.find('=');
    rules.*known.at(text.substr(0, equals)) = static_cast<unsigned>(std::stoul(text.substr(equals + 1)));
}

RetentionRecord record(sys_seconds ended, const std::vector<std::string>& words) {
    RetentionRecord record{.id = id_of(ended), .ended = ended};
    for (const std::string& word : words) {
        if (word == "pinned")
            record.pinned = true;
        else if (word == "unreadable")
            record.readable = false;
        else
            record.components.push_back(component(word));
    }
    return record;
}

// backup TIME WORDS: one; backups TIME HOW-MANY HOURS WORDS: so many, so far apart.
void take_line(Story& story, const std::string& line) {
    std::istringstream in(line);
    std::string key, text;
    in >> key;
    const auto rest = [&] {
        std::vector<std::string> words;
        for (std::string word; in >> word;)
            words.push_back(word);
        return words;
    };
    if (key == "now") {
        in >> text;
        story.clock.now = moment(text);
        story.clock.jumped = !rest().empty();
    } else if (key == "policy" || key == "component") {
        RetentionRules* rules = &story.policy.rules;
        if (key == "component") {
            in >> text;
            rules = &(story.policy.components[text] = {.days = 0});
        }
        for (const std::string& word : rest())
            set_rule(*rules, word);
    } else if (key == "backup") {
        in >> text;
        const sys_seconds ended = moment(text);
        story.records.push_back(record(ended, rest()));
        if (story.records.size() > 1 && story.records[story.records.size() - 2].id == id_of(ended))
            story.records.back().id += "_2";
    } else if (key == "backups") {
        int count = 0, hours = 0;
        in >> text >> count >> hours;
        const std::vector<std::string> words = rest();
        for (int index = 0; index < count; ++index)
            story.records.push_back(record(moment(text) + std::chrono::hours(hours) * index, words));
    } else if (!key.empty() && key[0] != '#' && key != "zone") {
        throw std::runtime_error("no such line: " + line);
    }
}

Story story_in(const fs::path& file, std::optional<test::Zone>& zone) {
    std::ifstream in(file);
    Story story;
    std::string line;
    while (std::getline(in, line) && line != "expect") {
        if (line.starts_with("zone "))
            zone.emplace(line.substr(5));
        take_line(story, line);
    }
    std::ostringstream expected;
    expected << in.rdbuf();
    story.expected = expected.str();
    return story;
}

std::string told(const RetentionPlan& plan) {
    std::string text;
    for (const auto& verdict : plan.verdicts)
        text += (verdict.keep ? "keep   " : "remove ") + verdict.id + "  " + verdict.reason + "\n";
    for (const auto& warning : plan.warnings)
        text += "warning " + warning + "\n";
    return text;
}

class RetentionStory : public testing::TestWithParam<std::string> {};

TEST_P(RetentionStory, EndsAsItIsTold) {
    std::optional<test::Zone> zone(std::in_place, "UTC");
    const Story story = story_in(
        fs::path(MIRACLEMAX_TEST_SOURCE) / "tests/unit/catalog/retention" / (GetParam() + ".txt"), zone);
    ASSERT_FALSE(story.records.empty());
    EXPECT_EQ(told(plan_retention(story.records, story.policy, story.clock)), story.expected);
}

std::vector<std::string> stories() {
    std::vector<std::string> names;
    for (const auto& entry :
         fs::directory_iterator(fs::path(MIRACLEMAX_TEST_SOURCE) / "tests/unit/catalog/retention"))
        names.push_back(entry.path().stem());
    std::sort(names.begin(), names.end());
    return names;
}

INSTANTIATE_TEST_SUITE_P(Retention, RetentionStory, testing::ValuesIn(stories()),
                         [](const auto& told_by) { return told_by.param; });

TEST(Retention, SaysOfEachComponentWhyItIsWanted) {
    const test::Zone zone("UTC");
    const RetentionPlan plan =
        plan_retention({record(moment("2026-01-01T03:00"), {"n8n=good:100", "grafana=good:5"}),
                        record(moment("2026-11-29T03:00"), {"n8n=good:100"})},
                       {.rules = {.days = 30}}, {.now = moment("2026-11-29T03:10")});
    ASSERT_EQ(plan.verdicts.size(), 2U);
    const auto& components = plan.verdicts[0].components;
    ASSERT_EQ(components.size(), 2U);
    EXPECT_FALSE(components[0].wanted);
    EXPECT_EQ(components[0].reason, "older than 30 days, and kept by no rule");
    EXPECT_TRUE(components[1].wanted);
    EXPECT_EQ(components[1].reason, "last good backup of grafana");
}

} // namespace
} // namespace miraclemax::catalog
