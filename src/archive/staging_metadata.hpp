// What a folder itself is, apart from what is in it: from one folder to another.
#pragma once

#include <filesystem>

namespace miraclemax::archive {

// Gives `to` the owner, mode, times and extended attributes (ACLs included) of `from`, and takes those away
// that `from` doesn't have. security.selinux is left alone; so is what this process may not set (security.*,
// trusted.*). Throws Error, `path` names the folder there.
void copy_metadata(int from, int to, const std::filesystem::path& path);
// Only the times.
void copy_times(int from, int to, const std::filesystem::path& path);

} // namespace miraclemax::archive
