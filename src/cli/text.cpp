#include "cli/text.hpp"

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

namespace {

// Length of the well-formed UTF-8 sequence at `at`, 0 when there is none (RFC 3629).
std::size_t utf8_length(const std::string& text, std::size_t at) {
    const auto byte = [&](std::size_t index) -> unsigned {
        return index < text.size() ? static_cast<unsigned char>(text[index]) : 0U;
    };
    const unsigned first = byte(at);
    const std::size_t length = first < 0x80                    ? 1
                               : first >= 0xC2 && first < 0xE0 ? 2
                               : first >= 0xE0 && first < 0xF0 ? 3
                               : first >= 0xF0 && first < 0xF5 ? 4
                                                               : 0;
    for (std::size_t i = 1; i < length; ++i)
        if ((byte(at + i) & 0xC0U) != 0x80U)
            return 0;
    const unsigned second = byte(at + 1);
    if ((first == 0xE0 && second < 0xA0) || (first == 0xED && second > 0x9F) ||
        (first == 0xF0 && second < 0x90) || (first == 0xF4 && second > 0x8F))
        return 0;
    return length;
}

} // namespace

std::string safe(const std::string& text) {
    std::string out;
    for (std::size_t at = 0; at < text.size();) {
        const auto length = utf8_length(text, at);
        const auto first = static_cast<unsigned char>(text[at]);
        const bool control =
            (length == 1 && (first < 0x20 || first == 0x7F) && first != '\n') ||
            (length == 2 && first == 0xC2 && static_cast<unsigned char>(text[at + 1]) < 0xA0);
        if (length == 0 || control) {
            for (std::size_t i = 0; i < std::max<std::size_t>(length, 1); ++i)
                out += fmt::format("\\x{:02x}", static_cast<unsigned char>(text[at + i]));
            at += std::max<std::size_t>(length, 1);
            continue;
        }
        out.append(text, at, length);
        at += length;
    }
    return out;
}

std::string line(const std::string& text) {
    std::string out;
    for (const char c : safe(text))
        c == '\n' ? out += "\\x0a" : out += c;
    return out + '\n';
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
