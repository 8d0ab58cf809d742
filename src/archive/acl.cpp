#include "archive/acl.hpp"

#include <optional>

namespace miraclemax::archive {
namespace {

std::uint32_t little(std::string_view bytes) {
    std::uint32_t number = 0;
    for (std::size_t i = bytes.size(); i-- > 0;)
        number = number << 8 | static_cast<unsigned char>(bytes[i]);
    return number;
}

std::optional<AclEntry::Who> who(std::uint32_t tag) {
    switch (tag) {
    case 0x01:
        return AclEntry::Who::owner;
    case 0x02:
        return AclEntry::Who::user;
    case 0x04:
        return AclEntry::Who::group;
    case 0x08:
        return AclEntry::Who::named_group;
    case 0x10:
        return AclEntry::Who::mask;
    case 0x20:
        return AclEntry::Who::other;
    default:
        return std::nullopt;
    }
}

} // namespace

std::vector<AclEntry> parse_acl(std::string_view value) {
    constexpr std::size_t header = 4, size = 8;
    if (value.size() < header || (value.size() - header) % size != 0 || little(value.substr(0, 4)) != 2)
        return {};
    std::vector<AclEntry> entries;
    for (value.remove_prefix(header); !value.empty(); value.remove_prefix(size)) {
        const auto tag = who(little(value.substr(0, 2)));
        if (!tag)
            return {};
        entries.push_back(
            {.who = *tag, .permissions = little(value.substr(2, 2)) & 7, .id = little(value.substr(4, 4))});
    }
    return entries;
}

} // namespace miraclemax::archive
