// The blocks before an entry's content in a pax tar (IEEE 1003.1 "pax", tar(5)), and only those that our
// TarWriter makes: every other format, type and keyword is refused.
#pragma once

#include "archive/attributes.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>
#include <time.h>

namespace miraclemax::archive {

inline constexpr std::size_t kTarBlock = 512;

// The most that the extended header of one entry may take. The kernel holds 64 KiB in one attribute and 64
// KiB of names in all; no file system in use holds more than a few such attributes.
inline constexpr std::uint64_t kMostExtended = 8 << 20;

struct TarHeader {
    char type = 0; // '0' file, '1' link, '2' symlink, '3' char, '4' block, '5' folder, '6' FIFO, 'x' extended
    std::string name, link;
    mode_t mode = 0;
    std::uint64_t uid = 0, gid = 0, size = 0, major = 0, minor = 0;
    std::int64_t time = 0;
};

// What the extended header says; it wins over the TarHeader that follows.
struct TarRecords {
    std::optional<std::string> path, link, sparse_name;
    std::optional<std::uint64_t> size, uid, gid, major, minor, sparse_major, sparse_minor, sparse_size;
    std::optional<timespec> time;
    std::optional<std::string> charset, access_acl, default_acl; // ACLs as text
    std::vector<Attribute> attributes;                           // in the order of the header, names decoded
};

// Both throw Error (damaged), with a sentence that does not name the entry.
TarHeader parse_header(std::span<const std::byte, kTarBlock> block);
TarRecords parse_records(std::string_view body);

} // namespace miraclemax::archive
