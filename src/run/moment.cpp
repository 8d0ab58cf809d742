#include "run/moment.hpp"

#include <cstdio>
#include <ctime>

namespace miraclemax::run {

std::optional<std::chrono::system_clock::time_point> moment_of(const std::string& utc) {
    std::tm time{};
    if (std::sscanf(utc.c_str(), "%4d-%2d-%2dT%2d:%2d:%2dZ", &time.tm_year, &time.tm_mon, &time.tm_mday,
                    &time.tm_hour, &time.tm_min, &time.tm_sec) != 6)
        return std::nullopt;
    time.tm_year -= 1900;
    time.tm_mon -= 1;
    return std::chrono::system_clock::from_time_t(::timegm(&time));
}

std::optional<std::chrono::sys_seconds> second_of(const std::string& utc) {
    const auto at = moment_of(utc);
    return at ? std::optional(std::chrono::floor<std::chrono::seconds>(*at)) : std::nullopt;
}

bool is_ahead(std::chrono::system_clock::time_point at, std::chrono::system_clock::time_point now) {
    return at - now > std::chrono::hours(1);
}

} // namespace miraclemax::run
