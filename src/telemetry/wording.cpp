#include "telemetry/wording.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <ctime>

namespace miraclemax::telemetry {
namespace {

constexpr std::string_view replacement = "\xEF\xBF\xBD"; // U+FFFD

struct Decoded {
    std::size_t length = 0; // 0: no UTF-8
    char32_t code = 0;
};

Decoded decode(std::string_view text, std::size_t at) {
    const auto byte = [&](std::size_t index) -> char32_t {
        return index < text.size() ? static_cast<unsigned char>(text[index]) : 0U;
    };
    const char32_t first = byte(at);
    if (first < 0x80)
        return {.length = 1, .code = first};
    const std::size_t length = first >= 0xC2 && first < 0xE0   ? 2
                               : first >= 0xE0 && first < 0xF0 ? 3
                               : first >= 0xF0 && first < 0xF5 ? 4
                                                               : 0;
    char32_t code = length == 0 ? 0 : first & (0x7FU >> length);
    for (std::size_t i = 1; i < length; ++i) {
        if ((byte(at + i) & 0xC0U) != 0x80U)
            return {};
        code = code << 6U | (byte(at + i) & 0x3FU);
    }
    const bool too_long = (length == 3 && code < 0x800) || (length == 4 && code < 0x10000);
    const bool surrogate = code >= 0xD800 && code < 0xE000;
    if (too_long || surrogate || code > 0x10FFFF)
        return {};
    return {.length = length, .code = code};
}

bool is_control(char32_t code) {
    return code < 0x20 || (code >= 0x7F && code < 0xA0);
}

bool turns_direction(char32_t code) {
    return code == 0x61C || code == 0x200E || code == 0x200F || (code >= 0x2028 && code <= 0x202E) ||
           (code >= 0x2066 && code <= 0x2069);
}

std::string_view escaped(char32_t code) {
    switch (code) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    case '\n':
    case '\r':
    case '\t':
        return " ";
    default:
        return is_control(code) || turns_direction(code) ? replacement : std::string_view();
    }
}

std::tm broken_down(Time time, bool local) {
    const std::time_t seconds =
        std::chrono::floor<std::chrono::seconds>(time).time_since_epoch() / std::chrono::seconds(1);
    std::tm out{};
    local ? ::localtime_r(&seconds, &out) : ::gmtime_r(&seconds, &out);
    return out;
}

// strftime() with English names, whatever the locale.
std::string month_name(int month) {
    static constexpr std::string_view names = "JanFebMarAprMayJunJulAugSepOctNovDec";
    return std::string(names.substr(static_cast<std::size_t>(month) * 3, 3));
}

std::string clock(const std::tm& at) {
    return fmt::format("{:02}:{:02}", at.tm_hour, at.tm_min);
}

// Days since 1970 of a local date, to tell how many midnights lie between two.
std::int64_t day_number(const std::tm& at) {
    using namespace std::chrono;
    const auto date = year(at.tm_year + 1900) / month(static_cast<unsigned>(at.tm_mon) + 1) /
                      day(static_cast<unsigned>(at.tm_mday));
    return sys_days(date).time_since_epoch().count();
}

} // namespace

std::string valid_utf8(std::string_view text) {
    std::string out;
    for (std::size_t at = 0; at < text.size();) {
        const auto length = decode(text, at).length;
        out += length == 0 ? replacement : text.substr(at, length);
        at += length == 0 ? 1 : length;
    }
    return out;
}

std::string html(std::string_view text) {
    std::string out;
    for (std::size_t at = 0; at < text.size();) {
        const auto [length, code] = decode(text, at);
        const auto instead = length == 0 ? replacement : escaped(code);
        out += instead.empty() ? text.substr(at, length) : instead;
        at += length == 0 ? 1 : length;
    }
    return out;
}

std::string utc_text(Time time) {
    const auto at = broken_down(time, false);
    return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", at.tm_year + 1900, at.tm_mon + 1, at.tm_mday,
                       at.tm_hour, at.tm_min, at.tm_sec);
}

std::string local_text(Time time) {
    const auto at = broken_down(time, true);
    return fmt::format("{} {} {}, {}", at.tm_mday, month_name(at.tm_mon), at.tm_year + 1900, clock(at));
}

std::string zone_text(Time time) {
    const auto at = broken_down(time, true);
    return at.tm_zone == nullptr ? "" : at.tm_zone;
}

std::string ago_text(Time then, Time now) {
    using namespace std::chrono;
    const auto distance = then > now ? then - now : now - then;
    if (distance < minutes(1))
        return then > now ? "in a moment" : "just now";
    const auto whole = [&](auto unit) { return static_cast<std::uint64_t>(distance / unit); };
    const auto text = distance < hours(1)          ? count_text(whole(minutes(1)), "minute")
                      : distance < hours(48)       ? count_text(whole(hours(1)), "hour")
                      : distance < hours(24 * 60)  ? count_text(whole(hours(24)), "day")
                      : distance < hours(24 * 730) ? count_text(whole(hours(24 * 30)), "month")
                                                   : count_text(whole(hours(24 * 365)), "year");
    return then > now ? "in " + text : text + " ago";
}

std::string coming_text(Time then, Time now) {
    if (then <= now)
        return "now";
    const auto at = broken_down(then, true);
    const auto days = day_number(at) - day_number(broken_down(now, true));
    if ((days == 0 && at.tm_hour >= 18) || (days == 1 && at.tm_hour < 6))
        return "tonight at " + clock(at);
    if (days <= 0)
        return "today at " + clock(at);
    if (days == 1)
        return "tomorrow at " + clock(at);
    static const char* const weekdays[]{"Sunday",   "Monday", "Tuesday", "Wednesday",
                                        "Thursday", "Friday", "Saturday"};
    if (days < 7)
        return fmt::format("on {} at {}", weekdays[at.tm_wday], clock(at));
    return "on " + local_text(then);
}

std::string size_text(std::uint64_t bytes) {
    if (bytes < 1024)
        return fmt::format("{} B", bytes);
    static const char* const units[]{"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    double value = static_cast<double>(bytes) / 1024;
    std::size_t unit = 0;
    // 1023.97 would be written as 1024.0.
    for (; value >= 1023.95 && unit + 1 < std::size(units); ++unit)
        value /= 1024;
    return fmt::format("{:.1f} {}", value, units[unit]);
}

std::string duration_text(std::int64_t milliseconds) {
    if (milliseconds < 1000)
        return fmt::format("{} ms", milliseconds);
    if (milliseconds < 59'950)
        return fmt::format("{:.1f} s", static_cast<double>(milliseconds) / 1000);
    const auto seconds = (milliseconds + 500) / 1000;
    if (seconds < 3600)
        return fmt::format("{} min {} s", seconds / 60, seconds % 60);
    return fmt::format("{} h {} min", seconds / 3600, seconds % 3600 / 60);
}

std::string count_text(std::uint64_t count, const std::string& one) {
    if (count == 1)
        return "1 " + one;
    const bool y = one.ends_with('y') && !one.ends_with("ey") && !one.ends_with("ay");
    return fmt::format("{} {}", count, y ? one.substr(0, one.size() - 1) + "ies" : one + "s");
}

std::string first_names(const std::vector<std::string>& names) {
    constexpr std::size_t most = 5;
    std::string text;
    for (std::size_t i = 0; i < std::min(names.size(), most); ++i)
        text += (i == 0 ? "" : ", ") + names[i];
    return text + (names.size() > most ? fmt::format(" and {} more", names.size() - most) : "");
}

} // namespace miraclemax::telemetry
