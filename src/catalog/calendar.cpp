#include "catalog/calendar.hpp"

#include <ctime>

#include <fmt/format.h>

namespace miraclemax::catalog {
namespace {

using namespace std::chrono_literals;
using std::chrono::days;
using std::chrono::floor;
using std::chrono::local_days;
using std::chrono::seconds;

seconds offset_at(std::chrono::sys_seconds moment) {
    const auto time = static_cast<std::time_t>(moment.time_since_epoch().count());
    std::tm fields{};
    return ::localtime_r(&time, &fields) == nullptr ? 0s : seconds{fields.tm_gmtoff};
}

// The Thursday of a week decides its year and number.
local_days thursday_of(local_days day) {
    const auto monday_is_0 = (std::chrono::weekday(day).c_encoding() + 6) % 7;
    return day - days{monday_is_0} + days{3};
}

} // namespace

CalendarTime::CalendarTime(std::chrono::sys_seconds moment)
    : offset_(offset_at(moment)), date_(local_days{}) {
    local_ = std::chrono::local_seconds(moment.time_since_epoch() + offset_);
    date_ = std::chrono::year_month_day(day());
}

local_days CalendarTime::day() const {
    return floor<days>(local_);
}

std::int64_t CalendarTime::number_of(Period period) const {
    const auto year = static_cast<int>(date_.year());
    switch (period) {
    case Period::hour: // with the offset below the hours: no two hours share a number
        return floor<std::chrono::hours>(local_).time_since_epoch().count() * 1'000'000 + offset_.count();
    case Period::day:
        return day().time_since_epoch().count();
    case Period::week:
        return thursday_of(day()).time_since_epoch().count();
    case Period::month:
        return std::int64_t{year} * 12 + static_cast<unsigned>(date_.month());
    case Period::year:
        break;
    }
    return year;
}

std::string CalendarTime::name_of(Period period) const {
    const auto year = static_cast<int>(date_.year());
    const auto month = static_cast<unsigned>(date_.month());
    const std::string date =
        fmt::format("{:04}-{:02}-{:02}", year, month, static_cast<unsigned>(date_.day()));
    const std::chrono::year_month_day thursday(thursday_of(day()));
    const auto thursday_year = thursday.year();
    const auto minutes = offset_ / 60s;
    switch (period) {
    case Period::hour:
        return fmt::format("hour {} {:02}:00 {}{:02}{:02}", date, (local_ - day()) / 1h,
                           minutes < 0 ? '-' : '+', std::abs(minutes) / 60, std::abs(minutes) % 60);
    case Period::day:
        return "day " + date;
    case Period::week:
        return fmt::format("week {:04}-W{:02}", static_cast<int>(thursday_year),
                           (local_days(thursday) - local_days(thursday_year / 1 / 1)) / days{7} + 1);
    case Period::month:
        return fmt::format("month {:04}-{:02}", year, month);
    case Period::year:
        break;
    }
    return fmt::format("year {:04}", year);
}

} // namespace miraclemax::catalog
