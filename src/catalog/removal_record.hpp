// The record that a backup was removed on purpose: what stands in for it in the chain of manifests. A file of
// its own beside the backups, <root>/.removed/<id>.json, signed as a manifest is; kept for ever. Pure.
#pragma once

#include <string>

namespace miraclemax::catalog {

struct RemovalRecord {
    int version = 1;
    std::string id;
    std::string manifest_sha256; // of the manifest.json that is gone
    // What that manifest named as the one before it; both empty: it was the first. Not known, and empty,
    // where the backup was gone already when somebody vouched for it: the chain ends there.
    bool previous_known = true;
    std::string previous_id{}, previous_sha256{};
    // Of the record of that one, where it was removed before this and its record was good then: whoever
    // believes this record believes that one too, and needs no further signature.
    std::string previous_record_sha256{};
    // Why that manifest was not believed when the backup went; empty: it was. Then nothing of what it said is
    // taken over (previous_known is false), and whoever looks at the chain is told.
    std::string doubt{};
    std::string removed_utc; // when
    std::string reason;      // why: the words of retention
    std::string run;         // by which run
    std::string instance{}, tool{};
    std::string signer{};     // fingerprint, empty: unsigned
    std::string signer_key{}; // its public key, armored
};

[[nodiscard]] std::string to_json(const RemovalRecord& record); // pretty, ends with a newline
// Throws Error (failed) naming the field, and for versions above 1.
[[nodiscard]] RemovalRecord parse_removal_record(const std::string& json);

} // namespace miraclemax::catalog
