// The chain of manifests: each names the hash of the one before it, and a signed record of its removal
// (catalog/removal_record.hpp) stands in for one that is gone.
#pragma once

#include "run/examination.hpp"
#include "run/witness.hpp"

#include "catalog/removal_record.hpp"

namespace miraclemax::run {

inline constexpr std::size_t longest_removal_record = std::size_t{1} << 20U;

// <root>/.removed/<id>.json; its signature has ".sig" behind that.
[[nodiscard]] std::filesystem::path removal_folder(const store::BackupFolder& folder);
[[nodiscard]] std::filesystem::path removal_file(const store::BackupFolder& folder, const std::string& id);

// Reads; borrows both. One thread.
class Chain {
public:
    Chain(const store::BackupFolder& folder, const Witness& witness) : folder_(folder), witness_(witness) {}

    // From the backup back to the next one that is there, or to the first one ever: what is missing on the
    // way and not known to have been removed on purpose. nullopt: nothing. Whether a backup that is there
    // directly before it is the right one is examine()'s question.
    [[nodiscard]] std::optional<Fault> gap_before(const catalog::Manifest& manifest) const;
    // The sha256 of the record that the backup was removed, if there is one that is believed and that tells
    // of no doubt; else empty.
    [[nodiscard]] std::string believed_record(const std::string& id,
                                              const std::string& manifest_sha256) const;

private:
    struct Link { // what names a backup that should be there
        std::string id, sha256;
        std::string record_sha256; // of a record that is believed already; empty: none
        std::string after;         // whose predecessor it is
    };
    struct Read {
        catalog::RemovalRecord record;
        std::string sha256;
    };
    [[nodiscard]] std::optional<Fault> check_present(const Link& link) const;
    // Either what it says, or what is wrong.
    [[nodiscard]] std::optional<Read> read(const Link& link, Fault& fault) const;

    const store::BackupFolder& folder_;
    const Witness& witness_;
};

} // namespace miraclemax::run
