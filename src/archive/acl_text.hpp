// POSIX ACLs as a pax tar tells them.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace miraclemax::archive {

struct AclValue {
    std::string value; // as the kernel takes it, and gave it out: linux/posix_acl_xattr.h, version 2
    std::optional<unsigned> mask; // its permissions
};

// The value that parse_acl() and libarchive's writer made this text of: "user::rwx,user:1234:r--,mask::r-x,…"
// (SCHILY.acl.*, star(1)), ids by number. Entries come back in the kernel's order of their kinds; those of
// one kind keep theirs. Nothing for text in another form.
std::optional<AclValue> acl_of_text(std::string_view text);

} // namespace miraclemax::archive
