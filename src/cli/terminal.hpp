// What stdout is, and asking whoever sits at the terminal: /dev/tty, whatever stdin and stdout are.
#pragma once

#include "cli/observers.hpp"

#include <string>

namespace miraclemax::cli {

[[nodiscard]] Form form_of(bool json); // of what is told on stdout
[[nodiscard]] bool stdout_takes_more();

[[nodiscard]] bool has_terminal();
// True for "y" or "yes".
[[nodiscard]] bool ask_yes(const std::string& question);
// Without showing what is typed. Throws Error (key) when the input ends.
[[nodiscard]] std::string ask_secret(const std::string& prompt);

} // namespace miraclemax::cli
