#include "cli/install_options.hpp"

#include <CLI/CLI.hpp>

namespace miraclemax::cli {

void add_install_options(CLI::App& verb, InstallOptions& options) {
    auto* timer =
        verb.add_flag("--timer", options.timer,
                      "Run this program on the host, by a systemd timer (default: the sidecar, by Quadlet)");
    verb.add_option("--compose", options.compose, "Write a compose file and all it needs into this folder")
        ->excludes(timer);
    verb.add_option("--backups", options.backups, "Folder for the backups");
    verb.add_option("--image", options.image, "Image of the sidecar")->capture_default_str();
    verb.add_option("--key", options.key, "Public key to encrypt to (file)");
    verb.add_option("--private-key-out", options.private_key_out,
                    "Where the private half of a new key pair goes (file)")
        ->capture_default_str();
    verb.add_option("--passphrase-file", options.passphrase_file,
                    "Passphrase of the new private key (default: ask)");
    verb.add_flag("--no-passphrase", options.no_passphrase, "The new private key has none");
    verb.add_flag("--without-key", options.without_key, "Make no key pair: backups are stored in the clear");
    verb.add_option("--root", options.root,
                    "Write below this folder, and start nothing (for packages and images)");
    verb.add_flag("--dry-run", options.dry_run, "Only show what would be done");
    verb.add_flag("--yes", options.yes, "Do not ask");
    verb.add_flag("--uninstall", options.uninstall, "Undo what install did; backups and keys stay");
}

} // namespace miraclemax::cli
