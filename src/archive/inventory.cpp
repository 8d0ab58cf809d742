#include "archive/inventory.hpp"

#include <array>
#include <cstdio>

#include <sys/sysmacros.h>

namespace miraclemax::archive {
namespace {

constexpr std::size_t kBuffer = 64 << 10;
constexpr std::string_view kMagic = "*?[";

bool plain(unsigned char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("-._+,:@").find(static_cast<char>(c)) != std::string_view::npos;
}

void append_byte(std::string& out, char byte) {
    const auto c = static_cast<unsigned char>(byte);
    if (plain(c)) {
        out += byte;
        return;
    }
    out += '\\';
    out += static_cast<char>('0' + (c >> 6));
    out += static_cast<char>('0' + (c >> 3 & 7));
    out += static_cast<char>('0' + (c & 7));
}

void append_segment(std::string& out, std::string_view segment) {
    const bool magic = segment.find_first_of(kMagic) != std::string_view::npos;
    for (const char c : segment) {
        if (magic && std::string_view("*?[]\\").find(c) != std::string_view::npos)
            append_byte(out, '\\');
        append_byte(out, c);
    }
}

bool octal(std::string_view text, char from, char to) {
    return text.front() >= from && text.front() <= to;
}

std::string decode_escapes(std::string_view text) {
    std::string out;
    while (!text.empty()) {
        if (text.size() >= 4 && text[0] == '\\' && octal(text.substr(1), '0', '3') &&
            octal(text.substr(2), '0', '7') && octal(text.substr(3), '0', '7')) {
            out += static_cast<char>((text[1] - '0') << 6 | (text[2] - '0') << 3 | (text[3] - '0'));
            text.remove_prefix(4);
        } else {
            out += text.front();
            text.remove_prefix(1);
        }
    }
    return out;
}

// Calls act with each segment of path, and puts a slash between what it appends to out.
template<class Act> void each_segment(std::string& out, std::string_view path, const Act& act) {
    for (;;) {
        const auto slash = path.find('/');
        act(path.substr(0, slash));
        if (slash == std::string_view::npos)
            return;
        out += '/';
        path.remove_prefix(slash + 1);
    }
}

template<class... Numbers> void append_format(std::string& out, const char* format, Numbers... numbers) {
    std::array<char, 96> text{};
    std::snprintf(text.data(), text.size(), format, numbers...);
    out += text.data();
}

const char* type_of(mode_t mode) {
    switch (mode & S_IFMT) {
    case S_IFDIR:
        return "dir";
    case S_IFLNK:
        return "link";
    case S_IFIFO:
        return "fifo";
    case S_IFCHR:
        return "char";
    case S_IFBLK:
        return "block";
    default:
        return "file";
    }
}

} // namespace

std::string encode_segment(std::string_view segment) {
    std::string out;
    append_segment(out, segment);
    return out;
}

std::string decode_segment(std::string_view text) {
    std::string name = decode_escapes(text);
    if (name.find_first_of(kMagic) == std::string::npos)
        return name;
    std::string out;
    for (std::size_t i = 0; i < name.size(); ++i) {
        if (name[i] == '\\' && i + 1 < name.size())
            ++i;
        out += name[i];
    }
    return out;
}

std::string encode_path(std::string_view path) {
    std::string out = path.empty() ? "." : "./";
    each_segment(out, path, [&](std::string_view segment) { append_segment(out, segment); });
    return out;
}

std::string decode_path(std::string_view text) {
    if (text == ".")
        return {};
    if (text.starts_with("./"))
        text.remove_prefix(2);
    std::string out;
    each_segment(out, text, [&](std::string_view segment) { out += decode_segment(segment); });
    return out;
}

void Inventory::add(const InventoryLine& line) {
    const struct stat& status = line.status;
    lines_ += line.path.empty() ? "." : "./";
    each_segment(lines_, line.path, [&](std::string_view segment) { append_segment(lines_, segment); });
    lines_ += " type=";
    lines_ += type_of(status.st_mode);
    append_format(lines_, " uid=%u gid=%u mode=%04o", status.st_uid, status.st_gid, status.st_mode & 07777U);
    if (S_ISREG(status.st_mode))
        append_format(lines_, " size=%lld", static_cast<long long>(status.st_size));
    append_format(lines_, " time=%lld.%09ld", static_cast<long long>(status.st_mtim.tv_sec),
                  static_cast<long>(status.st_mtim.tv_nsec));
    if (S_ISCHR(status.st_mode) || S_ISBLK(status.st_mode))
        append_format(lines_, " device=native,%u,%u", major(status.st_rdev), minor(status.st_rdev));
    if (S_ISLNK(status.st_mode)) {
        lines_ += " link=";
        for (const char c : line.symlink)
            if (c == '/')
                lines_ += c;
            else
                append_byte(lines_, c);
    }
    const ContentDigest& digest = line.digest;
    if (!digest.sha256.empty() && !digest.of_data)
        lines_.append(" sha256digest=").append(digest.sha256);
    lines_ += '\n';
    if (digest.of_data)
        lines_.append("# data sha256=").append(digest.sha256).append("\n");
    if (!line.attributes.empty())
        lines_.append("# meta sha256=").append(line.attributes).append("\n");
    if (lines_.size() >= kBuffer)
        flush();
}

void Inventory::flush() {
    if (!lines_.empty())
        sink_.write(std::as_bytes(std::span(lines_)));
    lines_.clear();
}

} // namespace miraclemax::archive
