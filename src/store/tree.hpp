// Whole folders, by descriptors: a link is never followed, whatever a worker left in its folder.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace miraclemax::store {

// The names in an open folder, but "." and "..". Throws Error; `path` is for its message.
[[nodiscard]] std::vector<std::string> names_in(int folder, const std::filesystem::path& path);

// Removes parent/name and all below it; absent is fine. Any depth. Throws Error (destination).
void remove_tree(const std::filesystem::path& parent, const std::string& name);

// fsyncs every file and then every folder of the tree, the deepest first. Makes them 0600 and 0700.
// Throws Error (destination), or Error (failed) on what is neither a file nor a folder.
void sync_tree(const std::filesystem::path& path);

} // namespace miraclemax::store
