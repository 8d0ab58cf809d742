#include "catalog/manifest.hpp"
#include "catalog/restore_steps.hpp"
#include "catalog/shell_words.hpp"

#include <algorithm>
#include <array>
#include <set>
#include <string_view>

#include <fmt/format.h>

namespace miraclemax::catalog {

namespace {

std::size_t rank(const ComponentRecord& component) {
    static constexpr std::array<std::string_view, 4> order = {"critical", "high", "medium", "low"};
    return static_cast<std::size_t>(std::find(order.begin(), order.end(), component.priority) -
                                    order.begin());
}

std::vector<ComponentRecord> in_restore_order(std::vector<ComponentRecord> components) {
    std::stable_sort(components.begin(), components.end(),
                     [](const auto& a, const auto& b) { return rank(a) < rank(b); });
    return components;
}

bool any_compressed_with(const Manifest& manifest, std::string_view kind) {
    return std::any_of(manifest.components.begin(), manifest.components.end(),
                       [&](const auto& component) { return component.archive.compression == kind; });
}

bool any_encrypted_with(const Manifest& manifest, std::string_view kind) {
    return std::any_of(manifest.components.begin(), manifest.components.end(),
                       [&](const auto& component) { return component.archive.encryption == kind; });
}

std::string opening(const Manifest& manifest) {
    std::string tools = "GNU tar, podman, coreutils, findutils";
    tools += any_compressed_with(manifest, "gzip") ? ", gzip" : "";
    tools += any_compressed_with(manifest, "zstd") ? ", zstd" : "";
    const bool encrypted =
        any_encrypted_with(manifest, "openpgp") || any_encrypted_with(manifest, "passphrase");
    tools += encrypted || !manifest.signer.empty() ? ", gpg" : "";
    return fmt::format(
        "How to bring back the backup {} of the host {}, without miraclemax\n\n"
        "Made by {}, ended {}.\n"
        "Needed: {}.\n\n"
        "Lines that begin with four spaces are commands. Give them as root to a shell (sh or bash),\n"
        "from the top, in the folder that holds this file, all in the same shell, and stop at the\n"
        "first error that a command tells. With rootless podman, begin the shell as the containers'\n"
        "user by `podman unshare`.\n\n",
        manifest.id, plain(manifest.host), plain(manifest.tool), plain(manifest.ended), tools);
}

std::string warnings(const Manifest& manifest) {
    std::string text;
    if (manifest.partial) {
        text += "This is the backup of single components; others are in other backups.\n";
    }
    for (const FailedComponent& failed : manifest.failed) {
        text += fmt::format("NOT IN THIS BACKUP: {}: {}. {}\n", plain(failed.name), plain(failed.reason),
                            failed.last_good.empty()
                                ? "No backup holds it."
                                : "The last good one is in " + plain(failed.last_good) + ".");
    }
    return text.empty() ? text : text + "\n";
}

std::string is_it_whole(const Manifest& manifest) {
    std::string text = "=== 1. Is it whole? ===\n\n    sha256sum --quiet -c SHA256SUMS\n\n";
    if (manifest.signer.empty()) {
        return text + "It is not signed: nothing shows that nobody replaced it.\n\n";
    }
    return text +
           fmt::format("It is signed by the key {}.\n"
                       "With that key's public part at hand (gpg --import FILE), \"Good signature\" and this "
                       "fingerprint\nmust be what gpg says:\n\n"
                       "    gpg --verify manifest.json.sig manifest.json\n\n"
                       "manifest.json in turn names the sha256 of every archive, inventory and report.\n\n",
                       plain(manifest.signer));
}

std::string keys(const Manifest& manifest) {
    std::string text = "=== 2. The key ===\n\n";
    std::set<std::string> recipients;
    for (const ComponentRecord& component : manifest.components) {
        recipients.insert(component.archive.recipients.begin(), component.archive.recipients.end());
    }
    if (!recipients.empty()) {
        text += "Import the private key that you keep away from the host: gpg --import FILE\n"
                "The archives are encrypted to these (each component names its own):\n";
        for (const std::string& fingerprint : recipients) {
            text += "  - " + plain(fingerprint) + "\n";
        }
        text += "`gpg --list-secret-keys` must show one of them.\n";
    }
    if (any_encrypted_with(manifest, "passphrase")) {
        text += "Have the passphrase ready: gpg asks for it. Where no terminal is:\n"
                "gpg --batch --pinentry-mode loopback --passphrase-file FILE --decrypt …\n";
    }
    if (recipients.empty() && !any_encrypted_with(manifest, "passphrase")) {
        text += "None is needed: nothing in this backup is encrypted.\n";
    }
    return text + "\n";
}

} // namespace

std::string restore_text(const Manifest& manifest) {
    std::string text = opening(manifest) + warnings(manifest) + is_it_whole(manifest) + keys(manifest);
    text += "=== 3. The components, the most important first ===\n\n";
    std::size_t number = 0;
    for (const ComponentRecord& component : in_restore_order(manifest.components)) {
        text += restore_steps(component, ++number) + "\n";
    }
    text +=
        "=== 4. Start again ===\n\n"
        "Start the containers with what started them before: podman start NAME, the compose file, "
        "systemctl.\n"
        "Look at the owner of a volume's root folder once more after its first use: podman 4.3 sets it when "
        "a\n"
        "container mounts a new volume. Where that happened, give the chown and chmod from above again.\n"
        "Messages of tar about security.selinux are harmless on a host without SELinux; on a host with it,\n"
        "`restorecon -R` or podman's :Z sets the labels that this host wants.\n";
    return text;
}

} // namespace miraclemax::catalog
