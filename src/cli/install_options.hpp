// What `install` takes.
#pragma once

#include <string>

namespace CLI {
class App;
}

namespace miraclemax::cli {

struct InstallOptions {
    bool timer = false;
    std::string compose{}; // folder
    std::string backups{};
    std::string image = "localhost/miraclemax:latest";
    std::string key{};
    std::string private_key_out = "miraclemax-backup.private.asc";
    std::string passphrase_file{};
    bool no_passphrase = false;
    bool without_key = false;
    std::string root{};
    bool yes = false;
    bool dry_run = false;
    bool uninstall = false;
};

void add_install_options(CLI::App& verb, InstallOptions& options);

} // namespace miraclemax::cli
