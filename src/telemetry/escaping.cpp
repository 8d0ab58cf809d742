#include "telemetry/escaping.hpp"

#include "telemetry/wording.hpp"

#include <fmt/format.h>

namespace miraclemax::telemetry {
namespace {

// Length of the well-formed UTF-8 sequence at `at`, 0 when there is none.
std::size_t sequence(std::string_view text, std::size_t at) {
    const auto first = static_cast<unsigned char>(text[at]);
    const std::size_t length = first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
    const auto part = text.substr(at, length);
    return part.size() == length && valid_utf8(part) == part ? length : 0;
}

// Also the C1 controls, U+0080 to U+009F.
bool is_control(std::string_view character) {
    const auto first = static_cast<unsigned char>(character[0]);
    return first < 0x20 || first == 0x7F ||
           (first == 0xC2 && character.size() == 2 && static_cast<unsigned char>(character[1]) < 0xA0);
}

std::string escaped(std::string_view text, bool keep_lines) {
    std::string out;
    for (std::size_t at = 0; at < text.size();) {
        const auto length = sequence(text, at);
        const auto character = text.substr(at, std::max<std::size_t>(length, 1));
        at += character.size();
        const bool line_end = character == "\n";
        if (length != 0 && (line_end ? keep_lines : !is_control(character))) {
            out += character;
            continue;
        }
        for (const char byte : character)
            out += fmt::format("\\x{:02x}", static_cast<unsigned char>(byte));
    }
    return out;
}

} // namespace

std::string safe(std::string_view text) {
    return escaped(text, true);
}

std::string one_line(std::string_view text) {
    return escaped(text, false);
}

std::string header_text(std::string_view text) {
    const auto valid = valid_utf8(text);
    std::string out;
    for (std::size_t at = 0; at < valid.size();) {
        const auto character = std::string_view(valid).substr(at, sequence(valid, at));
        at += character.size();
        if (!is_control(character) && character != " ")
            out += character;
        else if (!out.empty() && out.back() != ' ')
            out += ' ';
    }
    if (out.ends_with(' '))
        out.pop_back();
    return out;
}

std::string shortened(std::string_view text, std::size_t most) {
    static constexpr std::string_view dots = "\xE2\x80\xA6";
    auto valid = valid_utf8(text);
    if (valid.size() <= most)
        return valid;
    std::size_t end = most > dots.size() ? most - dots.size() : 0;
    while (end > 0 && (static_cast<unsigned char>(valid[end]) & 0xC0U) == 0x80U)
        --end;
    valid.resize(end);
    return most > dots.size() ? valid + std::string(dots) : valid;
}

} // namespace miraclemax::telemetry
