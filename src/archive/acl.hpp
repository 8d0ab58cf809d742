// POSIX ACLs as the kernel hands them out.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace miraclemax::archive {

struct AclEntry {
    enum class Who { owner, user, group, named_group, mask, other };
    Who who = Who::other;
    unsigned permissions = 0; // 4 read, 2 write, 1 execute
    std::uint32_t id = 0;     // of user and named_group
};

// The entries of a system.posix_acl_* value (linux/posix_acl_xattr.h, version 2, little-endian). Empty for
// a value in another form.
std::vector<AclEntry> parse_acl(std::string_view value);

} // namespace miraclemax::archive
