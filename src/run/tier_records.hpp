// What lies beside the backups of a tier: records of removals, pins, `latest`.
#pragma once

#include "store/backup_folder.hpp"

#include <set>

namespace miraclemax::run {

// A backup that went from `from` before it ever came to `to`: its signed record explains the gap there too.
// One of `held` was there, and is not explained by what happened elsewhere. Returns warnings. The lock of
// `to` is held. Throws Error (destination).
std::vector<std::string> bring_records(const store::BackupFolder& from, const store::BackupFolder& to,
                                       const std::set<std::string>& held);

// What both hold is pinned in both or in neither, and `latest` is the same where `to` has that backup. Throws
// Error (destination).
void mirror_marks(const store::BackupFolder& from, store::BackupFolder& to);

} // namespace miraclemax::run
