// Hours, days, ISO weeks (ISO 8601), months and years by the local clock of TZ.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <string>

namespace miraclemax::catalog {

enum class Period : std::uint8_t { hour, day, week, month, year };
inline constexpr std::array periods{Period::hour, Period::day, Period::week, Period::month, Period::year};

// Any thread; whoever changes TZ calls tzset().
class CalendarTime {
public:
    explicit CalendarTime(std::chrono::sys_seconds moment);

    // Alike for two moments if they lie in the same period. The two passes of an hour that the end of summer
    // time repeats are two hours.
    [[nodiscard]] std::int64_t number_of(Period period) const;
    // "hour 2026-10-25 02:00 +0200", "day 2026-10-25", "week 2026-W43", "month 2026-10", "year 2026"
    [[nodiscard]] std::string name_of(Period period) const;
    [[nodiscard]] std::chrono::local_days day() const;

private:
    std::chrono::local_seconds local_;
    std::chrono::seconds offset_;
    std::chrono::year_month_day date_;
};

} // namespace miraclemax::catalog
