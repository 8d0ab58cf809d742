// What a run needs to know, made by main from the configuration.
#pragma once

#include "catalog/retention.hpp"
#include "component/discovery.hpp"
#include "worker/job.hpp"

#include <filesystem>

namespace miraclemax::run {

enum class Launch { automatic, child, container };

// A further place where backups live, beside the backup folder: a mounted share, a second disk.
struct Tier {
    std::string name;
    std::filesystem::path folder;
    component::Keep keep{}; // what it does not name is as the retention of the backup folder
};

struct Settings {
    std::string instance; // labels the workers and names the signing key: one a sidecar
    std::filesystem::path backups;
    std::filesystem::path state;            // journal and signing key; never part of a backup
    std::filesystem::path hooks;            // ready hooks, one folder each
    std::string program = "/proc/self/exe"; // what a child worker runs
    worker::Compression compression = worker::Compression::gzip;
    int level = 1;
    unsigned threads = 0;                         // 0: one a core
    std::vector<std::string> recipients;          // full fingerprints; empty: every key of key_files
    std::vector<std::filesystem::path> key_files; // files, or folders of them
    std::string passphrase;                       // symmetric instead of keys
    bool aead = false;                            // OCB; needs gpg 2.4
    component::Encryption encryption_default = component::Encryption::optional;
    bool signing = true;
    std::vector<std::string> signers;   // further fingerprints whose signatures are believed
    std::filesystem::path private_keys; // a folder that may be mounted for a restore; may not exist
    std::chrono::milliseconds settle_time{
        5'000}; // how long a restored container without a health check must run
    std::chrono::milliseconds health_patience{
        120'000}; // and how long one with a check may take to be healthy
    catalog::RetentionPolicy retention{};
    bool trusted_xattrs = false;
    Launch launch = Launch::automatic;
    std::chrono::milliseconds worker_silence{60'000};
    std::vector<component::Configured> configured;
    std::vector<Tier> tiers{};
    std::string tier{}; // whose folder `backups` is (run/tier.hpp); empty: none's

    [[nodiscard]] std::filesystem::path journals() const { return state / "journal"; }
    [[nodiscard]] std::filesystem::path signing_home() const { return state / "signing"; }
    [[nodiscard]] std::filesystem::path runs() const { return state / "runs"; }
    [[nodiscard]] std::filesystem::path proofs() const {
        return tier.empty() ? state / "proofs" : tier_state(tier) / "proofs"; // one copy proves no other
    }
    [[nodiscard]] std::filesystem::path tier_state(const std::string& name) const {
        return state / "tiers" / name;
    }
    [[nodiscard]] std::filesystem::path restores() const { return state / "restores"; }
    [[nodiscard]] std::filesystem::path restore_lock() const { return state / "restore.lock"; }
    [[nodiscard]] std::filesystem::path control() const { return state / "control"; }
};

} // namespace miraclemax::run
