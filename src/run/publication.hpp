// From a filled partial backup to a listed one.
#pragma once

#include "run/context.hpp"

#include "catalog/catalog.hpp"
#include "store/backup_folder.hpp"

namespace miraclemax::run {

// Writes manifest, sums, RESTORE.txt and signature into the partial backup, renames it into place and moves
// `latest` where the rules allow. Returns the manifest as published. Throws Error (destination, key); then
// nothing is visible.
catalog::Manifest publish(const Context& context, store::BackupFolder& folder, store::Partial& partial,
                          catalog::Manifest manifest);

} // namespace miraclemax::run
