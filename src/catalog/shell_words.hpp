// Text from outside (names, labels, paths) for RESTORE.txt: as a word of a POSIX shell, or as prose.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace miraclemax::catalog {

// One word that the shell takes as exactly these bytes, on one line, quoted only where needed. A word with
// control characters becomes "$(printf '…')" (POSIX printf, octal escapes), which loses newlines at its very
// end.
[[nodiscard]] std::string shell_word(std::string_view text);

// For sentences: control characters become '?', so that nothing can begin a line of its own.
[[nodiscard]] std::string plain(std::string_view text);

[[nodiscard]] std::string readable_size(std::uint64_t bytes); // "3.4 MiB"

} // namespace miraclemax::catalog
