// Each zone there is, 2000 to 2100, against an oracle that walks minute by minute. In the normal suite some
// zones and some years; MIRACLEMAX_TEST_LONG: all.
#include "serve/cron.hpp"

#include "unit/catalog/zone.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <set>

namespace miraclemax::serve {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

bool is_long() {
    return std::getenv("MIRACLEMAX_TEST_LONG") != nullptr;
}

// One name for each different zone file; the leap second zones are no zones of this system's clock.
const std::vector<std::string>& zones() {
    static const auto all = [] {
        const fs::path root = "/usr/share/zoneinfo";
        std::vector<std::string> names;
        for (auto entry = fs::recursive_directory_iterator(root); entry != fs::recursive_directory_iterator{};
             ++entry) {
            const std::string name = fs::relative(entry->path(), root);
            if (entry->is_directory() && (name == "right" || name == "posix"))
                entry.disable_recursion_pending();
            else if (entry->is_regular_file())
                names.push_back(name);
        }
        std::sort(names.begin(), names.end());
        std::set<std::string> contents;
        std::erase_if(names, [&](const std::string& name) {
            std::ifstream in(root / name, std::ios::binary);
            std::string content{std::istreambuf_iterator<char>(in), {}};
            return !content.starts_with("TZif") || !contents.insert(std::move(content)).second;
        });
        return names;
    }();
    return all;
}

std::vector<std::string> chosen_zones() {
    if (is_long())
        return zones();
    return {"Africa/Casablanca",   "America/Havana",
            "America/St_Johns",    "Antarctica/Casey",
            "Antarctica/Troll",    "Asia/Gaza",
            "Asia/Pyongyang",      "Asia/Tehran",
            "Australia/Lord_Howe", "Europe/Berlin",
            "Europe/Dublin",       "Pacific/Apia",
            "America/Caracas",     "UTC"};
}

struct LocalMinute {
    std::int64_t number; // of local minutes since 1970
    std::tm fields;
};

LocalMinute local_minute(std::int64_t minute) {
    const std::time_t time = minute * 60;
    LocalMinute local{};
    ::localtime_r(&time, &local.fields);
    local.number = minute + local.fields.tm_gmtoff / 60;
    return local;
}

// What the expressions below mean, said a second time.
struct Planned {
    const char* expression;
    bool every_hour;
    bool (*matches)(int day_of_month, int weekday, int hour, int minute);
};

const Planned all_planned[] = {
    {"0 3 * * *", false, [](int, int, int hour, int minute) { return hour == 3 && minute == 0; }},
    {"30 2 * * *", false, [](int, int, int hour, int minute) { return hour == 2 && minute == 30; }},
    {"0 0 * * *", false, [](int, int, int hour, int minute) { return hour == 0 && minute == 0; }},
    {"*/10 1-3 * * 0", false,
     [](int, int weekday, int hour, int minute) {
         return weekday == 0 && hour >= 1 && hour <= 3 && minute % 10 == 0;
     }},
    {"15 */2 31 * 6", false,
     [](int day, int weekday, int hour, int minute) {
         return (day == 31 || weekday == 6) && hour % 2 == 0 && minute == 15;
     }},
    {"*/15 * * * *", true, [](int, int, int, int minute) { return minute % 15 == 0; }},
};

bool matches(const Planned& planned, std::int64_t local) {
    const std::chrono::sys_days day(
        std::chrono::days(local / 1440)); // the local clock's face, as if it were UTC
    const auto minute = static_cast<int>(local % 1440);
    return planned.matches(static_cast<int>(static_cast<unsigned>(std::chrono::year_month_day(day).day())),
                           static_cast<int>(std::chrono::weekday(day).c_encoding()), minute / 60,
                           minute % 60);
}

// What the local clock shows in each minute of a time, and the latest that it showed in three days before.
struct Walk {
    std::int64_t from;
    std::int64_t shown_before;
    std::vector<std::int64_t> shown;
};

Walk walk(std::int64_t from, std::int64_t to) {
    Walk walk{.from = from, .shown_before = local_minute(from - 1).number, .shown = {}};
    for (std::int64_t minute = from - 3 * 1440; minute < from; ++minute)
        walk.shown_before = std::max(walk.shown_before, local_minute(minute).number);
    for (std::int64_t minute = from; minute <= to; ++minute)
        walk.shown.push_back(local_minute(minute).number);
    return walk;
}

// Ticks planned local minutes off as the clock passes them.
std::vector<std::int64_t> ticked_off(const Planned& planned, const Walk& walk) {
    std::vector<std::int64_t> runs;
    std::int64_t ticked = walk.shown_before;
    for (std::size_t index = 0; index < walk.shown.size(); ++index) {
        const std::int64_t shown = walk.shown[index];
        bool due = planned.every_hour && matches(planned, shown);
        for (; ticked < shown; ++ticked)
            due = due || (!planned.every_hour && matches(planned, ticked + 1));
        if (due)
            runs.push_back(walk.from + static_cast<std::int64_t>(index));
    }
    return runs;
}

std::vector<std::int64_t> by_cron(const Planned& planned, std::int64_t from, std::int64_t to) {
    const Cron cron = Cron::parse(planned.expression);
    std::vector<std::int64_t> runs;
    Moment at{(from - 1) * 1min};
    while ((at = cron.next(at)) <= Moment(to * 1min)) {
        EXPECT_EQ(at.time_since_epoch().count() % 60, 0) << planned.expression;
        runs.push_back(at.time_since_epoch() / 1min);
    }
    return runs;
}

// Minutes at which the offset changes.
std::vector<std::int64_t> offset_changes(int from_year, int to_year) {
    const auto minute_of = [](int year) {
        return std::chrono::sys_days(std::chrono::year(year) / 1 / 1).time_since_epoch() / 1min;
    };
    const auto offset = [](std::int64_t minute) { return local_minute(minute).fields.tm_gmtoff; };
    std::vector<std::int64_t> found;
    for (std::int64_t minute = minute_of(from_year); minute < minute_of(to_year); minute += 1440) {
        if (offset(minute) == offset(minute + 1440))
            continue;
        std::int64_t change = minute + 1;
        while (offset(change) == offset(minute))
            ++change;
        found.push_back(change);
    }
    return found;
}

// In shards, so that none takes longer than a test may.
constexpr std::size_t shards = 8;

std::vector<std::string> zones_of(std::size_t shard) {
    std::vector<std::string> mine;
    const auto all = chosen_zones();
    for (std::size_t index = shard; index < all.size(); index += shards)
        mine.push_back(all[index]);
    return mine;
}

class CronSweep : public testing::TestWithParam<std::size_t> {};
INSTANTIATE_TEST_SUITE_P(Shard, CronSweep, testing::Range<std::size_t>(0, shards));

TEST_P(CronSweep, MeetsTheOracleAroundEveryChangeOfTheClocks) {
    std::size_t seen = 0;
    for (const std::string& name : zones_of(GetParam())) {
        const test::Zone zone(name);
        const auto found = offset_changes(2000, 2100);
        for (std::size_t index = 0; index < found.size(); index += is_long() || index < 20 ? 1 : 37) {
            const std::int64_t from = found[index] - 36 * 60, to = found[index] + 36 * 60;
            const Walk walked = walk(from, to);
            for (const Planned& planned : all_planned)
                ASSERT_EQ(by_cron(planned, from, to), ticked_off(planned, walked))
                    << name << " " << planned.expression << " around minute " << found[index];
            ++seen;
        }
    }
    EXPECT_GT(seen, 0U);
}

// Each of the 36,525 planned local days has one run, at 3, or where there is no 3 o'clock right after.
TEST_P(CronSweep, RunsOnceForEachDayOfTheCentury) {
    const Cron cron = Cron::parse("0 3 * * *");
    std::vector<std::string> names = zones_of(GetParam());
    if (!is_long())
        names.resize(GetParam() < 2 ? 1 : 0);
    for (const std::string& name : names) {
        const test::Zone zone(name);
        const auto day = [](Moment at) { return local_minute(at.time_since_epoch() / 1min).number / 1440; };
        Moment at = cron.next(std::chrono::sys_days(std::chrono::year(2000) / 1 / 1));
        std::int64_t before = day(at);
        const std::int64_t end = before + 36'524;
        while (before < end) {
            at = cron.next(at);
            const auto local = local_minute(at.time_since_epoch() / 1min);
            const auto just_before = local_minute(at.time_since_epoch() / 1min - 1);
            const bool in_order = local.number % 1440 == 180 && day(at) == before + 1;
            // A gap over 3 o'clock of the day that was due.
            const std::int64_t due = (before + 1) * 1440 + 180;
            const bool after_gap = just_before.number < due && local.number > due;
            ASSERT_TRUE(in_order || after_gap) << name << " at " << at.time_since_epoch().count();
            ++before;
        }
    }
}

TEST(CronSweepTest, FindsTheZones) {
    EXPECT_GT(zones().size(), 100U);
}

} // namespace
} // namespace miraclemax::serve
