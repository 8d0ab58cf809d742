// The local clock of TZ, as a function of the moment. Threads and assumptions: serve/cron.hpp.
#pragma once

#include <chrono>

namespace miraclemax::serve {

using std::chrono::local_seconds;
using std::chrono::sys_seconds;

// More than any zone's offset from UTC, and than the difference of any two.
inline constexpr std::chrono::hours widest_offset{26};

// Seconds east of UTC.
[[nodiscard]] std::chrono::seconds offset_at(sys_seconds moment);
[[nodiscard]] local_seconds local(sys_seconds moment, std::chrono::seconds offset);

// A time of one offset, begin included, end not: at most 12 hours, or until the offset changes.
struct Stretch {
    sys_seconds begin, end;
    std::chrono::seconds offset;
};
[[nodiscard]] Stretch stretch_after(sys_seconds moment); // begins a second later

// The latest time that the local clock has shown up to and at this moment: the clock may since have been put
// back.
[[nodiscard]] local_seconds latest_shown(sys_seconds moment);
// When the local clock first shows this time, or a later one because it is skipped. It has shown neither up
// to and at `after`.
[[nodiscard]] sys_seconds first_showing(local_seconds time, sys_seconds after);

} // namespace miraclemax::serve
