// One backup run, from the lock to the published folder.
#pragma once

#include "error.hpp"
#include "run/context.hpp"
#include "run/plan.hpp"

namespace miraclemax::run {

struct BackupResult {
    catalog::Manifest manifest;
    bool published = false; // false: nothing could be backed up; manifest.failed says why
    bool latest = false;
    std::vector<std::string> unreleased; // sentences about containers that are not as they were
    ExitCode code = ExitCode::ok;        // failed, incomplete, not_released …
};

// Throws Error: busy, nothing, podman, destination, interrupted …; then every container is released, or
// its journal entry is there for `recover`.
BackupResult backup(const Context& context, const Request& request);
// The same for one who holds the backup folder's lock, and has undone what dead runs left.
BackupResult backup_under_lock(const Context& context, const Request& request);

} // namespace miraclemax::run
