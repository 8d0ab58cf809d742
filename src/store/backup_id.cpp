#include "store/backup_id.hpp"

#include "store/backup_folder.hpp"

#include <algorithm>
#include <charconv>
#include <ctime>

#include <fmt/format.h>

namespace miraclemax::store {

namespace {

constexpr std::size_t stamp_length = 15;

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

int two_digits(const std::string& text, std::size_t at) {
    return (text[at] - '0') * 10 + (text[at + 1] - '0');
}

bool is_stamp(const std::string& text) {
    for (std::size_t i = 0; i < stamp_length; ++i) {
        if (i == 8 ? text[i] != '_' : !is_digit(text[i])) {
            return false;
        }
    }
    using namespace std::chrono;
    const year_month_day day(year(two_digits(text, 0) * 100 + two_digits(text, 2)),
                             month(static_cast<unsigned>(two_digits(text, 4))),
                             std::chrono::day(static_cast<unsigned>(two_digits(text, 6))));
    // Second 60: a leap second.
    return day.ok() && two_digits(text, 9) < 24 && two_digits(text, 11) < 60 && two_digits(text, 13) <= 60;
}

} // namespace

std::optional<BackupId> parse_backup_id(const std::string& name) {
    if (name.size() < stamp_length || !is_stamp(name)) {
        return std::nullopt;
    }
    BackupId id{.stamp = name.substr(0, stamp_length)};
    if (name.size() == stamp_length) {
        return id;
    }
    const char* end = name.data() + name.size();
    const char* begin = name.data() + stamp_length + 1;
    if (name[stamp_length] != '_' || begin == end || *begin == '0') {
        return std::nullopt;
    }
    const auto [stop, error] = std::from_chars(begin, end, id.number);
    if (error != std::errc() || stop != end || id.number < 2) {
        return std::nullopt;
    }
    return id;
}

bool is_backup_id(const std::string& name) {
    return parse_backup_id(name).has_value();
}

std::string to_string(const BackupId& id) {
    return id.number == 1 ? id.stamp : fmt::format("{}_{}", id.stamp, id.number);
}

std::string stamp_of(std::chrono::system_clock::time_point time) {
    const std::time_t seconds = std::chrono::system_clock::to_time_t(time);
    std::tm local{};
    ::localtime_r(&seconds, &local);
    return fmt::format("{:04}{:02}{:02}_{:02}{:02}{:02}", local.tm_year + 1900, local.tm_mon + 1,
                       local.tm_mday, local.tm_hour, local.tm_min, local.tm_sec);
}

BackupId free_id(const std::string& stamp, const std::vector<BackupId>& taken) {
    BackupId id{.stamp = stamp};
    const auto newest = std::max_element(taken.begin(), taken.end());
    // A number marks what its name alone would put in the wrong place: the hour that the clock repeats in
    // autumn.
    if (newest != taken.end() && id <= *newest) {
        id.number = 2;
    }
    // After all of its second, not in a gap between them: what is left of it later lies in its order.
    for (const BackupId& other : taken) {
        if (other.stamp == stamp) {
            id.number = std::max(id.number, other.number + 1);
        }
    }
    return id;
}

} // namespace miraclemax::store
