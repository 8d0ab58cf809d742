// One YAML file and MIRACLEMAX_… variables, to the modules' own option structs. Only main includes this.
#pragma once

#include "component/discovery.hpp"

#include <functional>

namespace miraclemax::config {

using Environment = std::function<std::optional<std::string>(const std::string& name)>;

// Whom to tell (notify.…). An empty URL: not by this way.
struct Notify {
    struct Mail {
        std::string url{}; // smtp://host:587, smtps://host:465
        bool starttls = true;
        std::string user{};
        std::string password{}; // by file only
        std::string from{}, to{};
        std::string ca_file{};
        bool on_success = false;
        bool on_digest = false;
    } mail{};
    std::string alertmanager{}; // notify.alertmanager.url
    std::string ntfy{};         // notify.ntfy.url
    std::string ntfy_token{};   // by file only
    std::string webhook{};      // notify.webhook.url or .url_file
    std::string runbook{};      // base URL of the runbook
};

struct Tier { // one entry of `tiers:`
    std::string name{};
    std::string folder{};   // absolute
    component::Keep keep{}; // absent: as retention says
    std::string where{};    // "config.yml line 12", for messages
};

struct Config {
    std::string file{}; // that was read; empty: none
    std::string instance = "miraclemax";
    std::string socket{};             // podman.socket; empty: searched
    std::string backups = "/backups"; // backup.folder
    std::string state = "/var/lib/miraclemax";
    std::string hooks = "/usr/share/miraclemax/hooks";
    std::string compression = "gzip"; // gzip, zstd, none
    int level = 1;
    unsigned threads = 0; // 0: one a core
    std::vector<std::string>
        recipients{}; // encryption.recipients: full fingerprints; empty: every key in key_files
    std::vector<std::string> key_files{};        // encryption.keys: files or folders; default ["/keys"]
    std::string passphrase{};                    // encryption.passphrase (by file only)
    bool aead = false;                           // encryption.aead
    std::string encryption_default = "optional"; // policy where no label says: optional, required, never
    bool signing = true;                         // signing.enabled
    std::vector<std::string> signers{};          // keys.signers: full fingerprints
    std::string private_keys = "/private-keys";  // keys.private: a folder, may be missing
    bool trusted_xattrs = false;                 // worker.trusted_xattrs
    std::string worker = "auto";                 // worker.launcher: auto, child, container
    std::chrono::milliseconds worker_silence{60'000};
    Notify notify{};
    std::string log_format = "text";                    // text, json
    std::string log_level = "info";                     // debug, info, warning, error
    std::chrono::milliseconds settle_time{5'000};       // restore.settle_time
    std::chrono::milliseconds health_patience{120'000}; // restore.health_patience
    unsigned keep_days = 30, keep_last = 0;             // retention.days, .last: 0 is no such rule
    unsigned keep_hourly = 0, keep_daily = 0, keep_weekly = 0, keep_monthly = 0, keep_yearly = 0;
    unsigned suspicious_percent = 50;            // retention.suspicious_percent
    std::string plan_backup = "0 3 * * *";       // schedule.backup: cron expressions, "off" for none
    std::string plan_verify = "30 5 * * sun";    // schedule.verify
    std::string plan_replicate = "after-backup"; // schedule.replicate: that, or as the others
    std::chrono::milliseconds jitter{0};         // schedule.jitter
    bool catch_up = true;                        // schedule.catch_up
    bool http = true;                            // http.enabled
    std::string http_address = "auto";           // http.address
    unsigned http_port = 9847;                   // http.port
    std::string textfile{};                      // metrics.textfile
    std::vector<component::Configured> components{};
    std::vector<Tier> tiers{};
};

// Names of this process's environment variables.
std::vector<std::string> environment_names();

// Precedence: environment over file over default; a variable that is empty counts as unset. `file` empty:
// MIRACLEMAX_CONFIG, else /etc/miraclemax/config.yml when it exists. A name in `names` that begins with
// MIRACLEMAX_ and is no option's is an error, as an unknown key is (CONFIG, FAULT… and TEST… are let pass).
// Every problem at once: throws Error (config), its message one line a problem ("config.yml line 3: unknown
// key …").
Config load_config(const std::string& file, const Environment& environment,
                   const std::vector<std::string>& names = environment_names());

// The whole reference: a commented YAML file with every option, default, variable and text; it loads as it
// stands.
std::string example_config();

} // namespace miraclemax::config
