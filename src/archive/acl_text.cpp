#include "archive/acl_text.hpp"

#include <array>
#include <charconv>
#include <cstdint>
#include <vector>

namespace miraclemax::archive {
namespace {

constexpr std::uint32_t kNoId = 0xffffffff;

struct Line {
    unsigned tag = 0;
    unsigned permissions = 0;
    std::uint32_t id = kNoId;
};

void append_little(std::string& out, std::uint32_t number, int bytes) {
    for (int i = 0; i < bytes; ++i)
        out += static_cast<char>(number >> (8 * i) & 0xff);
}

std::string_view cut(std::string_view& text, char at) {
    const auto end = text.find(at);
    const std::string_view part = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    return part;
}

// The tags of linux/posix_acl.h.
std::optional<unsigned> tag_of(std::string_view word, bool named) {
    if (word == "user")
        return named ? 0x02U : 0x01U;
    if (word == "group")
        return named ? 0x08U : 0x04U;
    if (word == "mask" && !named)
        return 0x10U;
    if (word == "other" && !named)
        return 0x20U;
    return std::nullopt;
}

std::optional<unsigned> permissions_of(std::string_view text) {
    constexpr std::string_view letters = "rwx";
    if (text.size() != letters.size())
        return std::nullopt;
    unsigned bits = 0;
    for (std::size_t i = 0; i < letters.size(); ++i) {
        if (text[i] != '-' && text[i] != letters[i])
            return std::nullopt;
        bits = bits << 1 | (text[i] == letters[i] ? 1U : 0U);
    }
    return bits;
}

std::optional<Line> line_of(std::string_view text) {
    const std::string_view word = cut(text, ':'), name = cut(text, ':'), permissions = cut(text, ':');
    const auto tag = tag_of(word, !name.empty());
    const auto bits = permissions_of(permissions);
    if (!tag || !bits || (!text.empty() && text != name))
        return std::nullopt;
    Line line{.tag = *tag, .permissions = *bits};
    if (name.empty())
        return line;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), line.id);
    if (error != std::errc{} || end != name.data() + name.size())
        return std::nullopt;
    return line;
}

} // namespace

std::optional<AclValue> acl_of_text(std::string_view text) {
    std::vector<Line> lines;
    while (!text.empty()) {
        const auto line = line_of(cut(text, ','));
        if (!line)
            return std::nullopt;
        lines.push_back(*line);
    }
    if (lines.empty())
        return std::nullopt;
    AclValue acl;
    append_little(acl.value, 2, 4);
    for (const unsigned tag : {0x01U, 0x02U, 0x04U, 0x08U, 0x10U, 0x20U}) {
        int met = 0;
        for (const Line& line : lines) {
            if (line.tag != tag)
                continue;
            if (++met > 1 && line.id == kNoId)
                return std::nullopt;
            append_little(acl.value, line.tag, 2);
            append_little(acl.value, line.permissions, 2);
            append_little(acl.value, line.id, 4);
            if (tag == 0x10)
                acl.mask = line.permissions;
        }
    }
    return acl;
}

} // namespace miraclemax::archive
