// A further place where backups live. Today it is a folder: a mounted share, or a second disk.
#pragma once

#include "run/settings.hpp"

namespace miraclemax::run {

// The settings as they are for what lies in the tier: its folder, its rules of retention, its own proofs.
[[nodiscard]] Settings settings_for(const Settings& settings, const Tier& tier);

// A tier's folder is only written once the user has said that it is the one: an empty mount point is a folder
// too, and lies on the root disk. <folder>/.miraclemax-tier holds a word that the state folder knows.
//
// Throws Error (destination) when that mark is not there, or is another installation's.
void require_set_up(const Settings& settings, const Tier& tier);
// Sets the mark. Returns a sentence to think about when the folder looks like an empty mount point; empty:
// nothing. Throws Error (destination).
std::string set_up(const Settings& settings, const Tier& tier);

} // namespace miraclemax::run
