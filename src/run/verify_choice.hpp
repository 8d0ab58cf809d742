// Which backups, and of them which components, a verification is about.
#pragma once

#include "run/verify.hpp"

namespace miraclemax::run {

// Folders with a backup's name that hold no manifest are among all. Throws Error (not_found) naming what is
// not there.
std::vector<Chosen> choose(const store::BackupFolder& folder, const VerifyRequest& request);

} // namespace miraclemax::run
