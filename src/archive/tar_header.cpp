#include "archive/tar_header.hpp"

#include "archive/archived_entry.hpp"
#include "error.hpp"

#include <algorithm>
#include <charconv>
#include <limits>

namespace miraclemax::archive {
namespace {

[[noreturn]] void refuse(const std::string& why) {
    throw Error(ExitCode::damaged, why);
}

// Octal digits, ended by a space or NUL; or, with the top bit set, a big-endian number (GNU, star).
std::int64_t number(std::string_view field, const char* what) {
    const auto first = static_cast<unsigned char>(field.front());
    std::int64_t value = 0;
    if ((first & 0x80) != 0) {
        value = (first & 0x40) != 0 ? -1 : 0;
        value = value * 64 + (first & 0x3f);
        for (const char c : field.substr(1)) {
            if (value > std::numeric_limits<std::int64_t>::max() >> 8 ||
                value < std::numeric_limits<std::int64_t>::min() >> 8)
                refuse(std::string("its header has a number out of range: ") + what);
            value = value * 256 + static_cast<unsigned char>(c);
        }
        return value;
    }
    std::size_t at = 0;
    for (; at < field.size() && field[at] >= '0' && field[at] <= '7'; ++at)
        value = value * 8 + (field[at] - '0'); // at most 12 digits
    if (field.find_first_not_of(std::string_view(" \0", 2), at) != std::string_view::npos)
        refuse(std::string("its header has something else where a number belongs: ") + what);
    return value;
}

std::uint64_t natural(std::string_view field, const char* what) {
    const std::int64_t value = number(field, what);
    if (value < 0)
        refuse(std::string("its header has a negative number: ") + what);
    return static_cast<std::uint64_t>(value);
}

std::string text_of(std::string_view field) {
    return std::string(field.substr(0, field.find('\0')));
}

void check_sum(std::string_view block) {
    std::uint64_t sum = 8 * ' ';
    for (std::size_t i = 0; i < block.size(); ++i)
        if (i < 148 || i >= 156)
            sum += static_cast<unsigned char>(block[i]);
    if (natural(block.substr(148, 8), "checksum") != sum)
        refuse("its header's checksum is wrong");
}

std::uint64_t decimal(std::string_view text, std::string_view what) {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size() ||
        value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
        refuse("its extended header has no good number: " + shown(what));
    return value;
}

// "-1.5" is the half second before -1.
timespec time_of(std::string_view text) {
    const bool before = text.starts_with('-');
    text.remove_prefix(before ? 1 : 0);
    const auto dot = text.find('.');
    std::string fraction(dot == std::string_view::npos ? "0" : text.substr(dot + 1));
    if (fraction.empty() || fraction.size() > 9)
        refuse("its extended header has no good number: mtime");
    fraction.resize(9, '0');
    const std::uint64_t nanoseconds = decimal(fraction, "mtime");
    const std::uint64_t seconds = decimal(text.substr(0, dot), "mtime");
    if (seconds > 1ULL << 55)
        refuse("its extended header has no good number: mtime");
    timespec time{.tv_sec = static_cast<time_t>(seconds), .tv_nsec = static_cast<long>(nanoseconds)};
    if (!before)
        return time;
    time.tv_sec = -time.tv_sec;
    if (time.tv_nsec != 0)
        time = {.tv_sec = time.tv_sec - 1, .tv_nsec = 1'000'000'000 - time.tv_nsec};
    return time;
}

int hex_digit(char c) {
    return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

// libarchive writes every byte that tar might stumble over as %XX.
std::string attribute_name(std::string_view text) {
    std::string name;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            name += text[i];
            continue;
        }
        const int high = i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
        const int low = i + 2 < text.size() ? hex_digit(text[i + 2]) : -1;
        if (high < 0 || low < 0)
            refuse("its extended header has an attribute with a broken name");
        name += static_cast<char>(high << 4 | low);
        i += 2;
    }
    const bool known =
        name.starts_with("user.") || name.starts_with("security.") || name.starts_with("trusted.");
    if (!known || name.size() > 255 || name.find('\0') != std::string::npos)
        refuse("its extended header has an attribute of no known kind: " + shown(name));
    return name;
}

template<class Value, class Given> void once(std::optional<Value>& field, Given value, std::string_view key) {
    if (field)
        refuse("its extended header says twice: " + shown(key));
    field.emplace(std::move(value));
}

void take(TarRecords& records, std::string_view key, std::string_view value) {
    constexpr std::string_view xattr = "SCHILY.xattr.";
    const struct {
        std::string_view key;
        std::optional<std::string>& field;
    } texts[] = {{"path", records.path},
                 {"linkpath", records.link},
                 {"GNU.sparse.name", records.sparse_name},
                 {"hdrcharset", records.charset},
                 {"SCHILY.acl.access", records.access_acl},
                 {"SCHILY.acl.default", records.default_acl}};
    const struct {
        std::string_view key;
        std::optional<std::uint64_t>& field;
    } numbers[] = {{"size", records.size},
                   {"uid", records.uid},
                   {"gid", records.gid},
                   {"SCHILY.devmajor", records.major},
                   {"SCHILY.devminor", records.minor},
                   {"GNU.sparse.major", records.sparse_major},
                   {"GNU.sparse.minor", records.sparse_minor},
                   {"GNU.sparse.realsize", records.sparse_size}};
    for (const auto& one : texts)
        if (one.key == key)
            return once(one.field, value, key);
    for (const auto& one : numbers)
        if (one.key == key)
            return once(one.field, decimal(value, key), key);
    if (key == "mtime")
        return once(records.time, time_of(value), key);
    if (!key.starts_with(xattr))
        refuse("its extended header has an unknown keyword: " + shown(key));
    if (value.size() > 65536)
        refuse("its extended header has an attribute that is longer than any can be: " + shown(key));
    records.attributes.push_back(
        {.name = attribute_name(key.substr(xattr.size())), .value = std::string(value)});
}

} // namespace

TarHeader parse_header(std::span<const std::byte, kTarBlock> bytes) {
    const std::string_view block(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    if (block.substr(257, 8) != std::string_view("ustar\0"
                                                 "00",
                                                 8))
        refuse("there is no header of a pax tar where one belongs");
    check_sum(block);
    TarHeader header;
    header.type = block[156];
    if (std::string_view("0123456x").find(header.type) == std::string_view::npos)
        refuse("its header is of a type that is never written: " + shown(block.substr(156, 1)));
    header.name = text_of(block.substr(0, 100));
    if (const std::string prefix = text_of(block.substr(345, 155)); !prefix.empty())
        header.name = prefix + "/" + header.name;
    header.link = text_of(block.substr(157, 100));
    const std::uint64_t mode = natural(block.substr(100, 8), "mode");
    if (mode > 07777)
        refuse("its header has a mode out of range");
    header.mode = static_cast<mode_t>(mode);
    header.uid = natural(block.substr(108, 8), "uid");
    header.gid = natural(block.substr(116, 8), "gid");
    header.size = natural(block.substr(124, 12), "size");
    header.time = number(block.substr(136, 12), "mtime");
    header.major = natural(block.substr(329, 8), "device");
    header.minor = natural(block.substr(337, 8), "device");
    return header;
}

TarRecords parse_records(std::string_view body) {
    TarRecords records;
    while (!body.empty()) {
        std::size_t length = 0;
        const auto [end, error] = std::from_chars(body.data(), body.data() + body.size(), length);
        const auto head = static_cast<std::size_t>(end - body.data()) + 1; // the space too
        if (error != std::errc{} || head >= body.size() || *end != ' ' || length <= head ||
            length > body.size() || body[length - 1] != '\n')
            refuse("its extended header is broken");
        const std::string_view record = body.substr(head, length - head - 1);
        const auto equals = record.find('=');
        if (equals == std::string_view::npos || equals == 0)
            refuse("its extended header is broken");
        take(records, record.substr(0, equals), record.substr(equals + 1));
        body.remove_prefix(length);
    }
    return records;
}

} // namespace miraclemax::archive
