// What stdout is, and asking whoever sits at the terminal: /dev/tty, whatever stdin and stdout are.
#pragma once

#include "cli/observers.hpp"

#include <stop_token>
#include <string>

namespace miraclemax::cli {

[[nodiscard]] Form form_of(bool json); // of what is told on stdout
[[nodiscard]] bool stdout_takes_more();

[[nodiscard]] bool has_terminal();
// Both throw Error (interrupted) as soon as stop is requested; the terminal is then as it was.
// True for "y" or "yes".
[[nodiscard]] bool ask_yes(const std::string& question, const std::stop_token& stop);
// Without showing what is typed. Throws Error (key) when the input ends.
[[nodiscard]] std::string ask_secret(const std::string& prompt, const std::stop_token& stop);

} // namespace miraclemax::cli
