// What a worker is told, and what it answers.
#pragma once

#include "archive/archive.hpp"
#include "stream/digest.hpp"

#include <optional>
#include <string>
#include <vector>

namespace miraclemax::worker {

enum class Compression { none, gzip, zstd };
[[nodiscard]] const char* name_of(Compression kind);      // "none", "gzip", "zstd"
[[nodiscard]] const char* extension_of(Compression kind); // "", ".gz", ".zst"
[[nodiscard]] std::optional<Compression> compression_from(const std::string& word);

// Travels over the control socket only: it may hold a passphrase.
struct Job {
    std::string component;      // prefix of the entries
    std::filesystem::path root; // as the worker sees it
    std::vector<std::string> exclude;
    bool trusted_xattrs = false;
    Compression compression = Compression::gzip;
    int level = 1;
    unsigned threads = 1;
    std::string keyring;                   // public keys, binary; empty: not encrypted to keys
    std::vector<std::string> fingerprints; // recipients, all in the keyring
    std::string passphrase;                // symmetric instead
    bool frozen = false;                   // containers stand still while it reads
    bool aead = false;                     // OCB: Recipients::ocb
    std::filesystem::path folder;          // where it creates its three files, as the worker sees it
    [[nodiscard]] bool encrypted() const { return !fingerprints.empty() || !passphrase.empty(); }
};

// "<component>.tar.gz.gpg", "<component>.mtree.gz.gpg", "<component>.report.gz.gpg"
struct Leaves {
    std::string archive, inventory, report;
};
[[nodiscard]] Leaves leaves_of(const Job& job);

struct Outcome {
    stream::Digest archive, inventory, report; // of the stored files
    stream::Digest tar;                        // of the plain tar
    archive::Tally tally;
    archive::Root root;
};

} // namespace miraclemax::worker
