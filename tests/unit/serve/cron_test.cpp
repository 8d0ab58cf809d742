#include "serve/cron.hpp"

#include "error.hpp"
#include "unit/catalog/zone.hpp"

#include <gmock/gmock.h>

namespace miraclemax::serve {
namespace {

using namespace std::chrono_literals;
using test::Zone;

Moment utc(int year, unsigned month, unsigned day, int hour = 0, int minute = 0, int second = 0) {
    return std::chrono::sys_days(std::chrono::year(year) / month / day) + std::chrono::hours(hour) +
           std::chrono::minutes(minute) + std::chrono::seconds(second);
}

std::string text(Moment moment) {
    const std::time_t time = moment.time_since_epoch().count();
    std::tm fields{};
    ::gmtime_r(&time, &fields);
    char out[32];
    std::strftime(out, sizeof out, fields.tm_sec == 0 ? "%Y-%m-%d %H:%M" : "%Y-%m-%d %H:%M:%S", &fields);
    return out;
}

// The next runs, in UTC.
std::vector<std::string> runs(const std::string& expression, Moment after, int count) {
    const Cron cron = Cron::parse(expression);
    std::vector<std::string> all;
    for (; count > 0; --count)
        all.push_back(text(after = cron.next(after)));
    return all;
}

struct Case {
    const char* expression;
    Moment after;
    std::vector<std::string> expected;
};

TEST(Cron, RunsWhenTheFieldsSay) {
    const Zone zone("UTC");
    const Moment noon = utc(2026, 11, 29, 12); // a Sunday
    const std::vector<Case> cases{
        {"0 3 * * *", noon, {"2026-11-30 03:00", "2026-12-01 03:00"}},
        {"* * * * *", noon, {"2026-11-29 12:01", "2026-11-29 12:02"}},
        {"*/20 * * * *", noon + 1s, {"2026-11-29 12:20", "2026-11-29 12:40", "2026-11-29 13:00"}},
        {"*/25 8 * * *",
         noon,
         {"2026-11-30 08:00", "2026-11-30 08:25", "2026-11-30 08:50", "2026-12-01 08:00"}},
        {"5,10-12,30-40/5 1 * * *",
         noon,
         {"2026-11-30 01:05", "2026-11-30 01:10", "2026-11-30 01:11", "2026-11-30 01:12", "2026-11-30 01:30",
          "2026-11-30 01:35", "2026-11-30 01:40", "2026-12-01 01:05"}},
        {"0 0 29 2 *", noon, {"2028-02-29 00:00", "2032-02-29 00:00"}},
        {"0 0 29 2 *", utc(2096, 3, 1), {"2104-02-29 00:00"}},
        {"0 0 31 * *", noon, {"2026-12-31 00:00", "2027-01-31 00:00", "2027-03-31 00:00"}},
        {"0 4 * jan,JUL Mon", noon, {"2027-01-04 04:00", "2027-01-11 04:00"}},
        {"0 4 * * fri-sun",
         noon,
         {"2026-12-04 04:00", "2026-12-05 04:00", "2026-12-06 04:00", "2026-12-11 04:00"}},
        {"0 4 * * 7", noon, {"2026-12-06 04:00", "2026-12-13 04:00"}},
        {"0 4 * * 0", noon, {"2026-12-06 04:00", "2026-12-13 04:00"}},
        {"0 4 * * 5-7", noon, {"2026-12-04 04:00", "2026-12-05 04:00", "2026-12-06 04:00"}},
        {"0 4 * * */3", noon, {"2026-12-02 04:00", "2026-12-05 04:00", "2026-12-06 04:00"}},
        {"0 4 * nov-dec/1 mon-wed/2", noon, {"2026-11-30 04:00", "2026-12-02 04:00"}},
        {"  0\t3  * *  * ", noon, {"2026-11-30 03:00"}},
        {"00 03 * * *", noon, {"2026-11-30 03:00"}},
        // Either the 13th or a Friday; with a * in front both.
        {"0 0 13 * fri", noon, {"2026-12-04 00:00", "2026-12-11 00:00", "2026-12-13 00:00"}},
        {"0 0 */2 * fri", noon, {"2026-12-11 00:00", "2026-12-25 00:00", "2027-01-01 00:00"}},
        {"@hourly", noon, {"2026-11-29 13:00", "2026-11-29 14:00"}},
        {"@daily", noon, {"2026-11-30 00:00", "2026-12-01 00:00"}},
        {"@Midnight", noon, {"2026-11-30 00:00"}},
        {"@weekly", noon, {"2026-12-06 00:00", "2026-12-13 00:00"}},
        {"@monthly", noon, {"2026-12-01 00:00", "2027-01-01 00:00"}},
        {"@yearly", noon, {"2027-01-01 00:00", "2028-01-01 00:00"}},
        {" @annually ", noon, {"2027-01-01 00:00"}},
    };
    for (const Case& one : cases)
        EXPECT_EQ(runs(one.expression, one.after, static_cast<int>(one.expected.size())), one.expected)
            << one.expression;
}

TEST(Cron, NeverRunsAtTheMomentItIsAskedAfter) {
    const Zone zone("UTC");
    const Cron cron = Cron::parse("0 3 * * *");
    EXPECT_EQ(text(cron.next(utc(2026, 11, 29, 3))), "2026-11-30 03:00");
    EXPECT_EQ(text(cron.next(utc(2026, 11, 29, 3) - 1s)), "2026-11-29 03:00");
}

TEST(Cron, FindsTheLastRun) {
    const Zone zone("Europe/Berlin");
    EXPECT_EQ(text(*Cron::parse("0 3 * * *").last(utc(2026, 11, 29, 12))), "2026-11-29 02:00");
    EXPECT_EQ(text(*Cron::parse("0 3 * * *").last(utc(2026, 11, 29, 2))), "2026-11-29 02:00");
    EXPECT_EQ(text(*Cron::parse("0 3 * * *").last(utc(2026, 11, 29, 2) - 1s)), "2026-11-28 02:00");
    EXPECT_EQ(text(*Cron::parse("* * * * *").last(utc(2026, 11, 29, 12) + 59s)), "2026-11-29 12:00");
    EXPECT_EQ(text(*Cron::parse("0 0 29 2 *").last(utc(2026, 11, 29))), "2024-02-28 23:00");
    // In a gap and in a repeated hour.
    EXPECT_EQ(text(*Cron::parse("30 2 * * *").last(utc(2026, 3, 29, 12))), "2026-03-29 01:00");
    EXPECT_EQ(text(*Cron::parse("30 2 * * *").last(utc(2026, 10, 25, 12))), "2026-10-25 00:30");
}

struct Change {
    const char* zone;
    const char* expression;
    Moment after;
    std::vector<std::string> expected;
};

const std::vector<Change>& changes() {
    static const std::vector<Change> all{
        // 29 March, 2:00 to 3:00: what is skipped runs at 3:00, 1:00 UTC.
        {"Europe/Berlin", "0 3 * * *", utc(2026, 3, 28, 12), {"2026-03-29 01:00", "2026-03-30 01:00"}},
        {"Europe/Berlin", "30 2 * * *", utc(2026, 3, 28, 12), {"2026-03-29 01:00", "2026-03-30 00:30"}},
        {"Europe/Berlin", "*/20 2 * * *", utc(2026, 3, 28, 12), {"2026-03-29 01:00", "2026-03-30 00:00"}},
        {"Europe/Berlin", "30 2,3 * * *", utc(2026, 3, 28, 12), {"2026-03-29 01:00", "2026-03-29 01:30"}},
        {"Europe/Berlin", "0 2,3 * * *", utc(2026, 3, 28, 12), {"2026-03-29 01:00", "2026-03-30 00:00"}},
        // 25 October, 3:00 to 2:00: what comes twice runs the first time.
        {"Europe/Berlin", "30 2 * * *", utc(2026, 10, 24, 12), {"2026-10-25 00:30", "2026-10-26 01:30"}},
        {"Europe/Berlin", "30 2 * * *", utc(2026, 10, 25, 1, 0), {"2026-10-26 01:30"}},
        {"Europe/Berlin", "0 3 * * *", utc(2026, 10, 24, 12), {"2026-10-25 02:00", "2026-10-26 02:00"}},
        {"Europe/Berlin", "0 */2 * * *", utc(2026, 10, 24, 22), {"2026-10-25 00:00", "2026-10-25 03:00"}},
        // Every hour is by real time.
        {"Europe/Berlin", "30 * * * *", utc(2026, 3, 29, 0), {"2026-03-29 00:30", "2026-03-29 01:30"}},
        {"Europe/Berlin",
         "30 * * * *",
         utc(2026, 10, 25, 0),
         {"2026-10-25 00:30", "2026-10-25 01:30", "2026-10-25 02:30"}},
        {"Europe/Berlin",
         "*/30 * 25 10 *",
         utc(2026, 10, 25, 0),
         {"2026-10-25 00:30", "2026-10-25 01:00", "2026-10-25 01:30"}},
        // Half an hour at Lord Howe: 4 October 2:00 to 2:30, 5 April 2:00 to 1:30.
        {"Australia/Lord_Howe", "15 2 * * *", utc(2026, 10, 3, 12), {"2026-10-03 15:30", "2026-10-04 15:15"}},
        {"Australia/Lord_Howe", "45 1 * * *", utc(2026, 4, 4, 12), {"2026-04-04 14:45", "2026-04-05 15:15"}},
        // Samoa had no 30 December 2011; its runs are made up for as the 31st begins.
        {"Pacific/Apia",
         "0 3 * * *",
         utc(2011, 12, 29, 12),
         {"2011-12-29 13:00", "2011-12-30 10:00", "2011-12-30 13:00", "2011-12-31 13:00"}},
        {"Pacific/Apia", "0 3 30 12 *", utc(2011, 1, 1), {"2011-12-30 10:00", "2012-12-29 13:00"}},
        // Two hours at Troll: 29 March 1:00 to 3:00, 25 October 3:00 to 1:00.
        {"Antarctica/Troll", "30 1,2 * * *", utc(2026, 3, 28, 12), {"2026-03-29 01:00", "2026-03-29 23:30"}},
        {"Antarctica/Troll",
         "30 1,2 * * *",
         utc(2026, 10, 24, 12),
         {"2026-10-24 23:30", "2026-10-25 00:30", "2026-10-26 01:30"}},
        // Casey: 4 October 2020 0:01 to 3:01.
        {"Antarctica/Casey", "0 3 * * *", utc(2020, 10, 3, 0), {"2020-10-03 16:01", "2020-10-04 16:00"}},
        // At midnight: Beirut 29 March 0:00 to 1:00; Havana 1 November 1:00 to 0:00.
        {"Asia/Beirut", "@daily", utc(2026, 3, 28, 12), {"2026-03-28 22:00", "2026-03-29 21:00"}},
        {"America/Havana", "@daily", utc(2026, 10, 31, 12), {"2026-11-01 04:00", "2026-11-02 05:00"}},
        // Newfoundland once changed at 0:01, and the day before came back.
        {"America/St_Johns", "0 0 * * *", utc(2006, 10, 28, 12), {"2006-10-29 02:30", "2006-10-30 03:30"}},
        // A zone written out.
        {"CET-1CEST,M3.5.0,M10.5.0/3",
         "30 2 * * *",
         utc(2099, 3, 28, 12),
         {"2099-03-29 01:00", "2099-03-30 00:30"}},
    };
    return all;
}

TEST(Cron, HasOneRunForEachPlannedTimeWhenClocksChange) {
    for (const Change& one : changes()) {
        const Zone zone(one.zone);
        EXPECT_EQ(runs(one.expression, one.after, static_cast<int>(one.expected.size())), one.expected)
            << one.zone << " " << one.expression;
    }
}

struct Wrong {
    const char* expression;
    const char* told;
};

class CronRefuses : public testing::TestWithParam<Wrong> {};

TEST_P(CronRefuses, AndNamesTheField) {
    try {
        static_cast<void>(Cron::parse(GetParam().expression));
        FAIL() << "'" << GetParam().expression << "' was taken";
    } catch (const Error& error) {
        EXPECT_EQ(error.code(), ExitCode::config);
        EXPECT_THAT(error.what(), testing::HasSubstr(GetParam().told));
    }
}

INSTANTIATE_TEST_SUITE_P(
    Cron, CronRefuses,
    testing::Values(Wrong{"", "0 fields"}, Wrong{"0 3 * *", "4 fields"}, Wrong{"0 0 3 * * *", "6 fields"},
                    Wrong{"60 3 * * *", "minute '60'"}, Wrong{"0 24 * * *", "hour '24'"},
                    Wrong{"0 3 0 * *", "day of the month '0'"}, Wrong{"0 3 32 * *", "day of the month '32'"},
                    Wrong{"0 3 * 13 *", "month '13'"}, Wrong{"0 3 * 0 *", "month '0'"},
                    Wrong{"0 3 * * 8", "day of the week '8'"},
                    Wrong{"0 3 * * funday", "'funday' is no number"}, Wrong{"0 mon * * *", "hour 'mon'"},
                    Wrong{"0 3 * march *", "'march' is no number"},
                    Wrong{"-1 3 * * *", "a number is missing"}, Wrong{"0 3-1 * * *", "backwards"},
                    Wrong{"0 3 * * fri-mon", "backwards"}, Wrong{"0,,1 3 * * *", "a number is missing"},
                    Wrong{"0, 3 * * *", "a number is missing"}, Wrong{"0 1- * * *", "a number is missing"},
                    Wrong{"*/0 3 * * *", "a step of 0"}, Wrong{"*/60 3 * * *", "a step of 60"},
                    Wrong{"*/ 3 * * *", "a number is missing"}, Wrong{"5/15 3 * * *", "a step needs a range"},
                    Wrong{"0 3 30 2 *", "never comes"}, Wrong{"0 3 31 2,4,6,9,11 *", "never comes"},
                    Wrong{"** 3 * * *", "'**' is no number"}, Wrong{"1-2-3 3 * * *", "'2-3' is no number"},
                    Wrong{"*/5/5 3 * * *", "'5/5' is no number"}, Wrong{"0 3 L * *", "'L' is no number"},
                    Wrong{"99999999999 3 * * *", "is no number"}, Wrong{"@reboot", "no '@reboot'"},
                    Wrong{"0 3 * *\n *", "month '*?'"}, Wrong{"+1 3 * * *", "'+1' is no number"}));

TEST(Cron, KeepsAMessageOnItsLine) {
    try {
        static_cast<void>(Cron::parse("0 3 * * a\nb\x1b[1m"));
        FAIL();
    } catch (const Error& error) {
        EXPECT_THAT(error.what(),
                    testing::Not(testing::AnyOf(testing::HasSubstr("\n"), testing::HasSubstr("\x1b"))));
    }
}

} // namespace
} // namespace miraclemax::serve
