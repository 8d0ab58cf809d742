#include "serve/local_time.hpp"

#include <algorithm>
#include <ctime>

namespace miraclemax::serve {
namespace {

using namespace std::chrono_literals;
using std::chrono::seconds;

constexpr std::chrono::hours probe{12};

sys_seconds change_between(sys_seconds before, sys_seconds after, seconds offset) {
    while (after - before > 1s) {
        const sys_seconds middle = before + (after - before) / 2;
        (offset_at(middle) == offset ? before : after) = middle;
    }
    return after;
}

} // namespace

seconds offset_at(sys_seconds moment) {
    const auto time = static_cast<std::time_t>(moment.time_since_epoch().count());
    std::tm fields{};
    if (::localtime_r(&time, &fields) == nullptr)
        return 0s;
    return seconds{fields.tm_gmtoff};
}

local_seconds local(sys_seconds moment, seconds offset) {
    return local_seconds(moment.time_since_epoch() + offset);
}

Stretch stretch_after(sys_seconds moment) {
    const sys_seconds begin = moment + 1s;
    const sys_seconds end = begin + probe;
    const seconds offset = offset_at(begin);
    return {.begin = begin,
            .end = offset_at(end) == offset ? end : change_between(begin, end, offset),
            .offset = offset};
}

local_seconds latest_shown(sys_seconds moment) {
    const seconds now = offset_at(moment);
    local_seconds latest = local(moment, now);
    // Only an offset that was larger can have shown more.
    seconds later = now;
    for (sys_seconds end = moment; end > moment - widest_offset; end -= probe) {
        const seconds offset = offset_at(end - probe);
        if (offset > later)
            latest = std::max(latest, local(change_between(end - probe, end, offset) - 1s, offset));
        later = offset;
    }
    return latest;
}

sys_seconds first_showing(local_seconds time, sys_seconds after) {
    sys_seconds from = std::max(after, sys_seconds(time.time_since_epoch()) - widest_offset);
    for (;;) {
        const Stretch stretch = stretch_after(from);
        const local_seconds begin = local(stretch.begin, stretch.offset);
        if (begin >= time)
            return stretch.begin;
        if (time < local(stretch.end, stretch.offset))
            return sys_seconds(time.time_since_epoch()) - stretch.offset;
        from = stretch.end - 1s;
    }
}

} // namespace miraclemax::serve
