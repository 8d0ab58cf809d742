// Completion for a shell, made of the option table.
#pragma once

#include "cli/option_table.hpp"

namespace miraclemax::cli {

std::string bash_completion(const ProgramText& program);
std::string zsh_completion(const ProgramText& program);
std::string fish_completion(const ProgramText& program);
// By the shell's name. Throws Error (usage).
std::string completion(const std::string& shell, const ProgramText& program);

// miraclemax(1), for man(7) macros: groff and mandoc.
std::string manual(const ProgramText& program);

} // namespace miraclemax::cli
