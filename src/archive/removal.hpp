// Opening one name within an open folder, and removing it with all that is in it.
#pragma once

#include "stream/file.hpp"

#include <filesystem>

namespace miraclemax::archive {

// The folder `name` (no slash in it) in `folder`, not through a link and not across a mount point. Empty:
// errno tells why (EXDEV: something is mounted there).
stream::Descriptor open_within(int folder, const char* name);

// Removes `name` in `folder`: a file, a link (not what it leads to), a folder with all in it, at any depth
// and with a fixed number of open descriptors. Absent is fine. What is too deep is first moved into `folder`
// under a name ".deep-<number>". Never goes into what is mounted there: that ends it with an Error
// (destination). `path` names `folder` in messages.
void remove_within(int folder, const char* name, const std::filesystem::path& path);

} // namespace miraclemax::archive
