// One backup from one folder to another, proven on the way.
#pragma once

#include "run/witness.hpp"

namespace miraclemax::run {

struct Copied {
    bool made = false; // it is published there; else nothing of it is
    std::uint64_t bytes = 0;
    std::vector<Fault> faults; // none, and not made: retention withdrew it meanwhile
};

struct CopyScope {
    std::function<void(std::uint64_t bytes, std::uint64_t of)> progress; // copied so far; may be empty
    std::stop_token stop;
};

// Signature, layout and SHA256SUMS are looked at first (what the manifest does not name is left behind), each
// file's sha256 is compared while its bytes are copied, and only then the copy is durable and gets its name,
// by one rename. The lock of `to` is held by the caller; that of `from` is not needed. Throws Error: what
// `to` can't take (destination), interrupted; then nothing of it is visible.
Copied copy_backup(const store::BackupFolder& from, const std::string& id, const Witness& witness,
                   store::BackupFolder& to, const CopyScope& scope);

} // namespace miraclemax::run
