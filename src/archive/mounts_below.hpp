// What is mounted within a folder.
#pragma once

#include <string>
#include <vector>

namespace miraclemax::archive {

// Paths of the mount points of this process below an open folder, relative to it ("a/b"), from
// /proc/self/mountinfo (proc(5)). Empty where /proc can't be read: renaming a mount point fails (EBUSY) too.
std::vector<std::string> mounts_below(int folder);

} // namespace miraclemax::archive
