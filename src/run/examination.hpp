// Whether a stored backup is what its signed manifest says: without a private key.
#pragma once

#include "error.hpp"
#include "run/settings.hpp"

#include "catalog/catalog.hpp"
#include "catalog/proofs.hpp"
#include "store/backup_folder.hpp"

#include <functional>
#include <initializer_list>
#include <set>
#include <stop_token>

namespace miraclemax::run {

// The first of `order` that either is; else the first of the two that is not ok.
[[nodiscard]] ExitCode worse(ExitCode one, ExitCode other, std::initializer_list<ExitCode> order);

struct Fault {
    std::string where;                 // "databases/n8n.tar.gz.gpg", "manifest.json"
    std::string what;                  // "its sha256 is not the manifest's", "is not named in the manifest"
    std::string component;             // whose file it is, or empty
    ExitCode code = ExitCode::damaged; // damaged, untrusted
    bool of_chain = false;             // of what was before it: the backup by itself is as it was
    bool stray = false;                // of a thing that the manifest does not name
};

enum class Signature { good, unsigned_, bad, unknown_key };

struct Examination {
    std::string id;
    std::optional<catalog::Manifest> manifest; // nullopt: unreadable
    Signature signature = Signature::unsigned_;
    std::string signer;        // fingerprint that the signature claims, or empty
    std::vector<Fault> faults; // empty: proven
    [[nodiscard]] bool good() const { return faults.empty(); }
    [[nodiscard]] ExitCode code() const; // ok; damaged before untrusted
};

// Whom to believe: full fingerprints. Always besides: this host's own signing key, and the configured
// signers.
struct Trust {
    std::vector<std::string> signers;
    bool unsigned_is_fine = false; // asked for by the user: an unsigned one, and one signed by an unknown key
};

struct Scope {
    std::vector<std::string> components; // only the files of these, and no stray ones; empty: all
    std::function<void(std::uint64_t bytes, std::uint64_t of)> progress; // hashed so far
    std::stop_token stop;                                                // throws Error (interrupted)
    bool ask_the_disk = true; // false: what the page cache holds will do, whoever asks reads it next
};

// Layout (nothing missing, nothing extra), SHA256SUMS and sizes and sha256 of every stored file against the
// manifest, the manifest's signature, and, where the backup before it is there, the hash that names it. An
// edited manifest, a swapped archive, a cut file, another signer: each is a fault that is named. Reads each
// file once. Throws Error (not_found) when there is no such backup, (interrupted).
// Whom to believe is read once, for any number of backups (run/witness.hpp).
class Witness;
Examination examine(const store::BackupFolder& folder, const std::string& id, const Witness& witness,
                    const Scope& scope);

// All of that but the content of the stored files and the backup before it, and what was read for it. Throws
// nothing: a backup that is not there has a fault.
struct Outline {
    Examination examination;
    std::string json;                     // manifest.json
    std::optional<std::string> signature; // manifest.json.sig
    std::set<std::string> present;        // named files that are there
};
Outline outline_of(const std::filesystem::path& backup, const std::string& id, const Witness& witness);

// Into the proof: which components' files are what the manifest says. A part that was not looked at stays as
// it was.
void note_files(catalog::Proof& proof, const Examination& examination, const std::vector<std::string>& only,
                const std::string& now);

} // namespace miraclemax::run
