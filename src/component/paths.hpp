// Host paths compared by their text alone. Pure; any thread.
#pragma once

#include <string>

namespace miraclemax::component {

// "/a//b/./c/" and "/a/x/../b/c" become "/a/b/c"; ".." above the root is dropped. A relative path stays
// relative.
[[nodiscard]] std::string normalised(const std::string& path);

// True where inner is outer, or lies within it: at the border of a path's part, so "/a/b" holds not "/a/bc".
// Both absolute, else false.
[[nodiscard]] bool contains(const std::string& outer, const std::string& inner);

// One contains the other.
[[nodiscard]] bool overlap(const std::string& one, const std::string& other);

// "c" of "/a/b/c"; empty for "/".
[[nodiscard]] std::string last_part(const std::string& path);

} // namespace miraclemax::component
