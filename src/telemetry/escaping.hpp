// Names and answers from outside, made harmless for logs, mails and header lines.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace miraclemax::telemetry {

// Control characters (but line ends) and bytes that are no UTF-8 as "\x1b"; the command line shows names so
// too.
[[nodiscard]] std::string safe(std::string_view text);
// The same as one line: a line end becomes "\x0a".
[[nodiscard]] std::string one_line(std::string_view text);
// For a header line: valid UTF-8 whose control characters and line ends are single spaces, none at its ends.
[[nodiscard]] std::string header_text(std::string_view text);
// At most so many bytes of valid UTF-8, no character cut in two; "…" at the end where something was cut.
[[nodiscard]] std::string shortened(std::string_view text, std::size_t most);

} // namespace miraclemax::telemetry
