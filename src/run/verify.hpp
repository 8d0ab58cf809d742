// Proves backups: examines them, and with a private key rehearses their restore. Reads published backups
// alone, and so needs no lock: a backup under way is not in its way.
#pragma once

#include "archive/unpack.hpp"
#include "catalog/proofs.hpp"
#include "run/examination.hpp"
#include "run/private_keys.hpp"
#include "worker/restoring.hpp"

namespace miraclemax::run {

// deep: every archive is opened, and one that no key opens is a failure. deep_if_possible: what a key opens.
enum class Depth { stored, deep_if_possible, deep };

struct Chosen {
    std::string id;                      // of a backup
    std::vector<std::string> components; // empty: all
};

struct VerifyRequest {
    std::vector<std::string> ids; // "latest" is one too; empty: latest, or with `sample` all
    bool all = false;
    Depth depth = Depth::stored;
    double sample = 0; // percent of the archives, at least one, chosen at random, deep. 0: all
    std::vector<std::string> components; // empty: all
    Trust trust;
    PrivateKeys keys;
    std::function<std::uint64_t()> random{}; // chooses the sample; empty: the system's
    std::vector<Chosen> chosen{};            // not empty: these, whatever is said of backups and components
};

enum class Outcome { good, bad, no_key, not_tried };

struct Rehearsal {
    std::string component;
    Outcome outcome = Outcome::good;
    std::string trouble; // a sentence, for all but good
    ExitCode code = ExitCode::ok;
    archive::Unpacked found; // good: what it holds
};

struct Verified {
    Examination examination;
    std::vector<std::string> components; // that were looked at
    std::vector<Rehearsal> rehearsals;
    [[nodiscard]] ExitCode code() const;
};

struct VerifyResult {
    std::vector<Verified> backups;
    std::vector<std::string> warnings;
    [[nodiscard]] ExitCode code() const; // damaged before untrusted before key before the rest
};

// Told from the calling thread.
struct VerifyProgress {
    std::function<void(const std::string& id, std::uint64_t bytes, std::uint64_t of)> examined;
    std::function<void(const std::string& id, const std::string& component, std::uint64_t bytes,
                       std::uint64_t of)>
        rehearsed; // bytes of content
    std::function<void(const Verified&)> ended;
};

// Opens one component's archive and compares it; throws as rehearse() (unpacking.hpp) does.
using Rehearse = std::function<archive::Unpacked(
    const PrivateKeys& keys, const catalog::ComponentRecord& record, const std::filesystem::path& backup,
    const worker::Unpacker::Told& progress)>;

// What was found is kept as the backups' proofs, but not where a signature was asked to be passed over: that
// would be no proof. Only called for what is to be rehearsed: `rehearse`. Throws Error: not_found, usage,
// interrupted, podman …, which say nothing about the backups.
VerifyResult verify(const Settings& settings, const VerifyRequest& request, const Rehearse& rehearse,
                    const VerifyProgress& progress, const std::stop_token& stop);

} // namespace miraclemax::run
