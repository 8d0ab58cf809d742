// An entry as an archive tells it.
#pragma once

#include "archive/attributes.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <sys/stat.h>

namespace miraclemax::archive {

struct ArchivedEntry {
    std::string path;     // relative to the root, "" is the root
    bool another = false; // another name of an earlier entry: link says which, and the type is that one's
    std::string link;     // a symbolic link's target; of another name the first one, relative to the root
    // st_mode (of another name only the permissions), st_uid, st_gid, st_size (with holes), st_mtim, st_rdev.
    struct stat status {};
    std::uint64_t stored = 0;          // bytes of content in the tar, a sparse map included
    bool sparse = false;               // the content begins with a map
    std::vector<Attribute> attributes; // sorted by name; ACLs in the kernel's form

    [[nodiscard]] bool folder() const { return !another && S_ISDIR(status.st_mode); }
    [[nodiscard]] bool regular() const { return !another && S_ISREG(status.st_mode); }
};

// The order of the walk: names in a folder by their bytes, a folder before what it holds. Less than, equal
// to, or greater than 0.
int compare_paths(std::string_view a, std::string_view b);

// Whether the entry of this path lies in the folder of the other; "" holds all, and nothing lies in itself.
bool lies_in(std::string_view path, std::string_view folder);

// A name for a message: json_text(), cut where it is very long.
std::string shown(std::string_view name);

} // namespace miraclemax::archive
