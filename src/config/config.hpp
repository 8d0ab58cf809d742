// One YAML file and MIRACLEMAX_… variables, to the modules' own option structs. Only main includes this.
#pragma once

#include "component/discovery.hpp"

#include <functional>

namespace miraclemax::config {

using Environment = std::function<std::optional<std::string>(const std::string& name)>;

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
    std::string encryption_default = "optional"; // policy where no label says: optional, required, never
    bool signing = true;                         // signing.enabled
    bool trusted_xattrs = false;                 // worker.trusted_xattrs
    std::string worker = "auto";                 // worker.launcher: auto, child, container
    std::string volume_store{}; // worker.volume_store: where this process sees podman's volume folder
    std::chrono::milliseconds worker_silence{60'000};
    std::vector<component::Configured> components{};
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
