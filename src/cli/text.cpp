#include "cli/text.hpp"

#include "telemetry/escaping.hpp"

#include <fmt/format.h>

#include <iostream>

namespace miraclemax::cli {

std::string bytes_text(std::uint64_t bytes) {
    if (bytes < 1024)
        return fmt::format("{} B", bytes);
    static const char* const units[]{"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    double value = static_cast<double>(bytes) / 1024;
    std::size_t unit = 0;
    while (value >= 1024 && unit + 1 < std::size(units)) {
        value /= 1024;
        ++unit;
    }
    return fmt::format("{:.1f} {}", value, units[unit]);
}

std::string time_text(std::chrono::milliseconds time) {
    const auto count = time.count();
    if (count < 1000)
        return fmt::format("{} ms", count);
    if (count < 60'000)
        return fmt::format("{:.1f} s", static_cast<double>(count) / 1000);
    if (count < 3'600'000)
        return fmt::format("{} min {} s", count / 60'000, count % 60'000 / 1000);
    return fmt::format("{} h {} min", count / 3'600'000, count % 3'600'000 / 60'000);
}

std::string safe(const std::string& text) {
    return telemetry::safe(text);
}

std::string line(const std::string& text) {
    return telemetry::one_line(text) + '\n';
}

std::string join(const std::vector<std::string>& words) {
    std::string text;
    for (const auto& word : words)
        text += (text.empty() ? "" : ", ") + word;
    return text;
}

std::string plural(std::uint64_t count, const std::string& one) {
    if (count == 1)
        return "1 " + one;
    if (one.ends_with('y'))
        return fmt::format("{} {}ies", count, one.substr(0, one.size() - 1));
    return fmt::format("{} {}s", count, one);
}

void warn_on_stderr(const std::string& text) {
    std::cerr << line("warning: " + text);
}

} // namespace miraclemax::cli
