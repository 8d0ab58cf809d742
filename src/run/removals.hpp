// Writes the signed records of removals: before a backup goes, so that whoever finds it gone can tell that it
// went on purpose.
#pragma once

#include "run/chain.hpp"

#include <map>

namespace miraclemax::run {

// The files in a folder, as far as they can be listed.
std::vector<std::filesystem::path> files_in(const std::filesystem::path& folder);
// Both durable; an empty signature stands for none. Throws Error (destination).
void write_record(const std::filesystem::path& file, const std::string& json, const std::string& signature);

// <root>/.removed (0700): <id>.json and <id>.json.sig (0600), and a spare that is let go of when a record
// can't be written: removing is what makes room. The folder's lock is held by the caller. One thread.
class Removals {
public:
    // Borrows both. What asks whom to believe throws as Witness.
    Removals(const Settings& settings, const store::BackupFolder& folder)
        : settings_(settings), folder_(folder) {}

    // Sees to folder and spare, and lets go of what a killed one left. No room for it is no failure.
    void prepare();
    // Durable on return. Where the backup's manifest is not believed, the record says so, and does not repeat
    // what that says. Throws Error (destination, key, failed): then the backup must stay.
    void record(const std::string& id, const std::string& reason, const std::string& run,
                std::chrono::system_clock::time_point now);
    // The backup is there still, and stays: a record of a removal that never came would let it vanish
    // unnoticed.
    void forget(const std::string& id);
    // A record for one that is gone already, because the user says that this is right. False: there is one
    // that is believed. Throws Error (usage) when it is there, (not_found) when nothing names it.
    bool vouch(const std::string& id, const std::string& run, std::chrono::system_clock::time_point now);

private:
    void make_folder() const;
    void keep(catalog::RemovalRecord record);
    void sign_and_write(catalog::RemovalRecord record);
    const Witness& witness();
    // Why what the manifest says is not believed; empty: it is.
    std::string doubt_about(const std::string& id, const catalog::Manifest& manifest,
                            const std::string& json);
    std::string believed_record(const std::string& id, const std::string& manifest_sha256);
    // What a manifest or a record says that the manifest's sha256 was; empty: nothing names it.
    [[nodiscard]] std::string sha256_named(const std::string& id) const;

    const Settings& settings_;
    const store::BackupFolder& folder_;
    std::optional<Witness> witness_; // once it is asked: it starts gpg
    std::optional<SigningKey> key_;
    std::map<std::string, std::string> kept_; // id to the record's sha256: those of this run are believed
};

} // namespace miraclemax::run
