#include "archive/report.hpp"

#include <array>
#include <cstdio>

namespace miraclemax::archive {
namespace {

constexpr std::size_t kBuffer = 64 << 10;

const char* word(What what) {
    switch (what) {
    case What::changed:
        return "changed";
    case What::vanished:
        return "vanished";
    case What::unreadable:
        return "unreadable";
    case What::skipped:
        return "skipped";
    case What::elsewhere:
        return "elsewhere";
    }
    return "";
}

// How many bytes the UTF-8 sequence (RFC 3629: shortest form, no surrogates) at the front takes; 0: it is
// none.
std::size_t sequence(std::string_view text) {
    const auto at = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned first = at(0);
    const std::size_t length = first < 0x80   ? 1
                               : first < 0xc2 ? 0
                               : first < 0xe0 ? 2
                               : first < 0xf0 ? 3
                               : first < 0xf5 ? 4
                                              : 0;
    if (length == 0 || length > text.size())
        return 0;
    for (std::size_t i = 1; i < length; ++i)
        if ((at(i) & 0xc0) != 0x80)
            return 0;
    const unsigned second = length > 2 ? at(1) : 0;
    if ((first == 0xe0 && second < 0xa0) || (first == 0xed && second > 0x9f) ||
        (first == 0xf0 && second < 0x90) || (first == 0xf4 && second > 0x8f))
        return 0;
    return length;
}

void append_code(std::string& out, const char* format, unsigned char byte) {
    std::array<char, 8> text{};
    std::snprintf(text.data(), text.size(), format, static_cast<unsigned>(byte));
    out += text.data();
}

} // namespace

std::string json_text(std::string_view text) {
    std::string out;
    out.reserve(text.size() + 8);
    while (!text.empty()) {
        const auto byte = static_cast<unsigned char>(text.front());
        std::size_t length = sequence(text);
        if (length == 0 || byte == '\\') {
            append_code(out, "\\\\x%02X", byte);
            length = 1;
        } else if (byte == '"') {
            out += "\\\"";
        } else if (byte < 0x20 || byte == 0x7f) {
            append_code(out, "\\u%04x", byte);
        } else {
            out.append(text.substr(0, length));
        }
        text.remove_prefix(length);
    }
    return out;
}

void Report::add(std::string_view entry, What what, std::string_view why) {
    lines_ += "{\"entry\": \"" + json_text(entry) + "\", \"what\": \"" + word(what) + "\", \"why\": \"" +
              json_text(why) + "\"}\n";
    if (lines_.size() >= kBuffer)
        flush();
}

void Report::flush() {
    if (!lines_.empty())
        sink_.write(std::as_bytes(std::span(lines_)));
    lines_.clear();
}

} // namespace miraclemax::archive
