#include "serve/cron.hpp"

#include "serve/local_time.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace miraclemax::serve {
namespace {

using namespace std::chrono_literals;
using std::chrono::days;
using std::chrono::floor;
using std::chrono::hours;
using std::chrono::local_days;
using std::chrono::local_seconds;
using std::chrono::minutes;
using std::chrono::seconds;

// The same weekday on 29 February can take 40 years to come back (around 2100).
constexpr days farthest{60 * 366};

} // namespace

bool Cron::matches_day(local_days day) const {
    const std::chrono::year_month_day date{day};
    if (!months_[static_cast<unsigned>(date.month())])
        return false;
    const bool by_day = days_[static_cast<unsigned>(date.day())];
    const bool by_weekday = weekdays_[std::chrono::weekday(day).c_encoding()];
    return either_day_ ? by_day || by_weekday : by_day && by_weekday;
}

// On the local clock's face, whatever the zone makes of it.
std::optional<Cron::Local> Cron::next_local(Local after) const {
    const Local from = floor<minutes>(after) + 1min;
    const local_days first = floor<days>(from);
    for (local_days day = first; day < first + farthest; day += days{1}) {
        if (!matches_day(day))
            continue;
        const auto start = day == first ? floor<minutes>(from - day).count() : 0;
        for (auto minute = start; minute < 24 * 60; ++minute) {
            const auto hour = static_cast<std::size_t>(minute / 60);
            if (!hours_[hour])
                minute = static_cast<decltype(minute)>(hour) * 60 + 59;
            else if (minutes_[static_cast<std::size_t>(minute % 60)])
                return Local(day) + minutes{minute};
        }
    }
    return std::nullopt;
}

// A planned local time has its run when the local clock first shows it or a later one: that alone makes gaps
// run once afterwards, and repeated times once. So what is still to come is what lies after the latest that
// the clock has ever shown.
Moment Cron::next_planned(Moment after) const {
    const Local planned = next_local(latest_shown(after)).value();
    return first_showing(planned, after);
}

Moment Cron::next_elapsed(Moment after) const {
    Moment from = after;
    for (;;) {
        // A local time that is a day and two hours away can't be shown sooner, in any zone and through any
        // change.
        const Local planned = next_local(Local((from - widest_offset).time_since_epoch())).value();
        from = std::max(from, Moment(planned.time_since_epoch()) - widest_offset - 1s);
        const Stretch stretch = stretch_after(from);
        const Local begin = local(stretch.begin, stretch.offset);
        const auto match = next_local(begin - 1s).value();
        const Moment at = Moment(match.time_since_epoch()) - stretch.offset;
        if (at < stretch.end)
            return at;
        from = stretch.end - 1s;
    }
}

Moment Cron::next(Moment after) const {
    return hours_.all() ? next_elapsed(after) : next_planned(after);
}

std::optional<Moment> Cron::last(Moment until) const {
    for (seconds back = hours{1}; back < farthest; back *= 2) {
        Moment found = next(until - back);
        if (found > until)
            continue;
        for (Moment later = next(found); later <= until; later = next(found))
            found = later;
        return found;
    }
    return std::nullopt;
}

} // namespace miraclemax::serve
