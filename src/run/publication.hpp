// From a filled partial backup to a listed one.
#pragma once

#include "run/context.hpp"

#include "catalog/catalog.hpp"
#include "store/backup_folder.hpp"

namespace miraclemax::run {

// SHA256SUMS of a backup: every stored file by its manifest, manifest.json and RESTORE.txt by their own
// hashes.
std::string sums_of(const catalog::Manifest& manifest, const std::string& manifest_sha256,
                    const std::string& restore_sha256);

// Writes manifest, sums, RESTORE.txt and, where the manifest names its signer, signature into the partial
// backup, renames it into place and moves `latest` where the rules allow. Returns the manifest as published.
// Throws Error (destination, key); then nothing is visible.
catalog::Manifest publish(const Context& context, store::BackupFolder& folder, store::Partial& partial,
                          catalog::Manifest manifest);

} // namespace miraclemax::run
