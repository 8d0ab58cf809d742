// Cron expressions: five fields (minute hour day month weekday) as crontab(5) has them, in the zone of TZ.
#pragma once

#include <bitset>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace miraclemax::serve {

using Moment = std::chrono::sys_seconds; // UTC

// A field is *, a number, a range 1-5, a step */15 or 8-18/2, or a list of these with commas. Months and
// weekdays may be names (jan, sun), 0 and 7 are Sunday, a range may end on Sunday (fri-sun). Also @hourly,
// @daily, @midnight, @weekly, @monthly, @yearly, @annually. A day must match day, month and weekday; where
// both day and weekday are given (neither begins with *), one of these two is enough.
//
// When the clocks change, each planned local time has exactly one run:
// - A time that is skipped runs at the first moment after the gap. Several in one gap run once, together.
// - A time that comes twice runs the first time.
// - Where the hour is every hour ("30 * * * *", "*/5 * * * *") real time counts: it runs whenever the local
//   clock shows a time that matches, in both passes of a repeated hour, and makes up for no gap.
//
// Thread-safe. The zone is the process's, by localtime_r(): whoever changes TZ calls tzset(), while no other
// thread reads it. Right for every zone whose changes lie more than 12 hours apart (all that there are) and
// whose offset from UTC is under 26 hours.
class Cron {
public:
    // Throws Error (config) naming the field; also for days that never come ("0 3 30 2 *").
    [[nodiscard]] static Cron parse(std::string_view text);

    // The first run after this moment, never that moment itself.
    [[nodiscard]] Moment next(Moment after) const;
    // The last run at or before this moment; nullopt: none in the 60 years before.
    [[nodiscard]] std::optional<Moment> last(Moment until) const;
    // As it was written.
    [[nodiscard]] const std::string& text() const { return text_; }

private:
    friend struct CronParser;
    using Local = std::chrono::local_seconds;

    Cron() = default;
    [[nodiscard]] bool matches_day(std::chrono::local_days day) const;
    [[nodiscard]] std::optional<Local> next_local(Local after) const;
    [[nodiscard]] Moment next_planned(Moment after) const;
    [[nodiscard]] Moment next_elapsed(Moment after) const;

    std::string text_;
    std::bitset<60> minutes_;
    std::bitset<24> hours_;
    std::bitset<32> days_;    // 1 to 31
    std::bitset<13> months_;  // 1 to 12
    std::bitset<7> weekdays_; // 0 is Sunday
    bool either_day_ = false; // day or weekday is enough
};

} // namespace miraclemax::serve
