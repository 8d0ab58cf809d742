// manifest.json: the record of one backup. Format version 1; unknown fields are kept out of the way, a higher
// version is refused. Times are RFC 3339 with the offset. Never a file name of a component's content.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace miraclemax::catalog {

struct StoredFile {
    std::string path; // within the backup: "databases/n8n.tar.gz.gpg"
    std::uint64_t size = 0;
    std::string sha256;
};

struct Archive {
    std::string kind = "base";
    std::string base;                    // id of the backup that a delta stands on
    std::string compression;             // gzip, zstd, none
    std::string encryption;              // "openpgp", "passphrase", "none"
    std::vector<std::string> recipients; // fingerprints
    StoredFile file;
    std::uint64_t tar_size = 0; // of the plain tar
    std::string tar_sha256;
};

struct ContentSource {
    std::string kind; // "volume", "path"
    std::string path; // host path
    std::string volume, driver, created_at;
    std::map<std::string, std::string> labels, options;
    std::uint32_t uid = 0, gid = 0, mode = 0; // of the root
};

struct FrozenContainer {
    std::string name, id, how; // how: pause, stop, none
    std::int64_t milliseconds = 0;
};

struct Freeze {
    std::string group;
    bool consistent = true; // the whole group was read in one freeze
    std::string quiesce;    // as the component asked
    std::int64_t milliseconds = 0;
    std::vector<FrozenContainer> containers;
};

struct Entries {
    std::uint64_t entries = 0, files = 0, bytes = 0, changed = 0, vanished = 0, unreadable = 0, skipped = 0,
                  elsewhere = 0, excluded = 0;
};

struct ComponentRecord {
    std::string name, category, priority, encryption; // encryption: the policy
    bool optional = false;
    bool complete = true; // nothing changed, vanished meanwhile is fine; unreadable or changed: false
    ContentSource source;
    Archive archive;
    StoredFile inventory, report;
    Entries entries;
    Freeze freeze;
    std::string worker;          // "child", "container"
    bool trusted_xattrs = false; // were read
    std::string began, ended;
};

struct FailedComponent {
    std::string name, reason, remedy;
    bool optional = false; // only part of a --full run
    std::string last_good; // id of the newest backup that holds it whole; empty: none
};

struct Manifest {
    int version = 1;
    std::string id, host, instance, tool; // tool: "miraclemax 0.1.0"
    std::string began, ended;             // local time with offset
    std::string ended_utc;                // the order of backups
    std::string podman;                   // version
    bool complete = true;                 // every component asked for is here and whole
    bool partial = false;                 // a run of single components
    std::vector<ComponentRecord> components;
    std::vector<FailedComponent> failed;
    std::string previous_id, previous_sha256; // of the previous manifest.json
    std::string signer;                       // fingerprint, empty: unsigned
    // Its public key, armored, so that the fingerprint alone is enough to check; may be empty.
    std::string signer_key{};
    std::string restore_sha256{}; // of RESTORE.txt; may be empty
    bool safety =
        false; // of what a restore was to replace in place: asked for by its id alone, never --latest
};

[[nodiscard]] std::string to_json(const Manifest& manifest); // pretty, ends with a newline
// Throws Error (failed) naming the field. Refuses sizes below zero, paths that leave the backup, versions
// above 1.
[[nodiscard]] Manifest parse_manifest(const std::string& json);

// "<sha256>  <path>\n" for every stored file, manifest.json and RESTORE.txt, sorted by path.
struct Sum {
    std::string sha256, path;
};
[[nodiscard]] std::string sha256sums(std::vector<Sum> sums);

// The commands that bring back exactly this backup with gpg, tar, podman and coreutils alone.
[[nodiscard]] std::string restore_text(const Manifest& manifest);

} // namespace miraclemax::catalog
