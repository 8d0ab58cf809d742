// How numbers and names are written for people.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace miraclemax::cli {

[[nodiscard]] std::string bytes_text(std::uint64_t bytes);           // "1.4 GiB"
[[nodiscard]] std::string time_text(std::chrono::milliseconds time); // "120 ms", "4.2 s", "3 min 20 s"
// Control characters and bytes that are no UTF-8 escaped: a label can't write to the terminal.
[[nodiscard]] std::string safe(const std::string& text);
// The same as one line, its newline at the end: a label can't forge a line of its own either.
[[nodiscard]] std::string line(const std::string& text);
void warn_on_stderr(const std::string& text);
[[nodiscard]] std::string join(const std::vector<std::string>& words);         // "one, two"
[[nodiscard]] std::string plural(std::uint64_t count, const std::string& one); // "1 entry", "2 entries"

} // namespace miraclemax::cli
