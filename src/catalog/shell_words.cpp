#include "catalog/shell_words.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

namespace miraclemax::catalog {

namespace {

bool is_control(char c) {
    return static_cast<unsigned char>(c) < ' ' || c == '\x7f';
}

bool is_alnum(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

// Never special to a shell, wherever it stands in a word.
bool is_harmless(char c) {
    return is_alnum(c) || std::string_view("_./:@%+,-").find(c) != std::string_view::npos;
}

std::string printed(std::string_view text) {
    std::string format;
    for (const char c : text) {
        format += is_alnum(c) ? std::string(1, c) : fmt::format("\\{:03o}", static_cast<unsigned char>(c));
    }
    return "\"$(printf '" + format + "')\"";
}

} // namespace

std::string shell_word(std::string_view text) {
    if (std::any_of(text.begin(), text.end(), is_control)) {
        return printed(text);
    }
    if (!text.empty() && std::all_of(text.begin(), text.end(), is_harmless)) {
        return std::string(text);
    }
    std::string word = "'";
    for (const char c : text) {
        if (c == '\'') {
            word += "'\\''";
        } else {
            word += c;
        }
    }
    return word + "'";
}

std::string plain(std::string_view text) {
    std::string result(text);
    std::replace_if(result.begin(), result.end(), is_control, '?');
    return result;
}

std::string readable_size(std::uint64_t bytes) {
    static constexpr std::array<const char*, 5> units = {"KiB", "MiB", "GiB", "TiB", "PiB"};
    if (bytes < 1024) {
        return fmt::format("{} bytes", bytes);
    }
    double size = static_cast<double>(bytes) / 1024;
    std::size_t unit = 0;
    while (size >= 1024 && unit + 1 < units.size()) {
        size /= 1024;
        ++unit;
    }
    return fmt::format("{:.1f} {}", size, units[unit]);
}

} // namespace miraclemax::catalog
