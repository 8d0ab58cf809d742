#include "config/option_tables.hpp"
#include "config/setters.hpp"

#include "component/paths.hpp"

#include <algorithm>

namespace miraclemax::config {
namespace {

using namespace setters;

std::vector<Option> places() {
    return {
        {.key = "instance",
         .type = "name",
         .standard = "miraclemax",
         .text = "Name of this sidecar. Two on one host need two names: it marks the helper containers.",
         .set = set_instance},
        {.key = "podman.socket",
         .type = "path",
         .standard = "\"\"",
         .text = "Podman's API socket. Empty: CONTAINER_HOST, /run/podman/podman.sock, "
                 "$XDG_RUNTIME_DIR/podman/podman.sock.",
         .path = true,
         .set = text(&Config::socket)},
        {.key = "backup.folder",
         .type = "folder",
         .standard = "/backups",
         .text = "Where the backups are written.",
         .path = true,
         .set = text(&Config::backups)},
        {.key = "state.folder",
         .type = "folder",
         .standard = "/var/lib/miraclemax",
         .text = "Journal and signing key. A local file system, never NFS; never part of a backup.",
         .path = true,
         .set = text(&Config::state)},
        {.key = "hooks.folder",
         .type = "folder",
         .standard = "/usr/share/miraclemax/hooks",
         .text = "The ready hooks, one folder each.",
         .path = true,
         .set = text(&Config::hooks)},
    };
}

std::vector<Option> formats() {
    return {
        {.key = "compression.kind",
         .type = "gzip, zstd or none",
         .standard = "gzip",
         .text = "How archives are compressed.",
         .set = one_of(&Config::compression, {"gzip", "zstd", "none"})},
        {.key = "compression.level",
         .type = "number",
         .standard = "1",
         .text = "gzip: 0 to 9 (3 and more are the same); zstd: 1 to 19.",
         .set = number(&Config::level, 0, 19)},
        {.key = "compression.threads",
         .type = "number",
         .standard = "0",
         .text = "Threads that compress. 0: one a core.",
         .set = number(&Config::threads, 0, 1024)},
        {.key = "encryption.recipients",
         .type = "list of fingerprints",
         .standard = "[]",
         .text = "OpenPGP keys to encrypt to, by full fingerprint. Empty: every key in encryption.keys.",
         .list = true,
         .set = fingerprints(&Config::recipients)},
        {.key = "encryption.keys",
         .type = "list of files or folders",
         .standard = "[/keys]",
         .text = "Where the public keys are.",
         .list = true,
         .path = true,
         .set = texts(&Config::key_files)},
        {.key = "encryption.passphrase_file",
         .type = "file",
         .standard = "\"\"",
         .text = "Encrypt with the passphrase in this file (one line) instead of keys.",
         .path = true,
         .set = read_passphrase},
        {.key = "encryption.aead",
         .type = "true or false",
         .standard = "false",
         .text =
             "OCB instead of CFB with MDC: faster, but read by GnuPG 2.2.21 and later alone. Needs gpg 2.4.",
         .set = boolean(&Config::aead)},
        {.key = "encryption.default",
         .type = "optional, required or never",
         .standard = "optional",
         .text = "Policy where no label says. optional: encrypted when there is a key, else plain with a "
                 "warning.",
         .set = one_of(&Config::encryption_default, {"optional", "required", "never"})},
        {.key = "signing.enabled",
         .type = "true or false",
         .standard = "true",
         .text = "Sign each manifest with this host's own key, made at the first start.",
         .set = boolean(&Config::signing)},
    };
}

std::vector<Option> restoring() {
    return {
        {.key = "keys.signers",
         .type = "list of fingerprints",
         .standard = "[]",
         .text = "Whose signatures a verification and a restore believe, beside this host's own.",
         .list = true,
         .set = fingerprints(&Config::signers)},
        {.key = "keys.private",
         .type = "folder",
         .standard = "/private-keys",
         .text = "Where a private key may be mounted for a restore or a deep verification. Need not exist.",
         .path = true,
         .set = text(&Config::private_keys)},
    };
}

std::vector<Option> workers() {
    return {
        {.key = "worker.launcher",
         .type = "auto, child or container",
         .standard = "auto",
         .text = "Who reads a volume: a child process where its folder can be seen, or a helper container.",
         .set = one_of(&Config::worker, {"auto", "child", "container"})},
        {.key = "worker.trusted_xattrs",
         .type = "true or false",
         .standard = "false",
         .text = "Read trusted.* attributes too, which costs the worker CAP_SYS_ADMIN.",
         .set = boolean(&Config::trusted_xattrs)},
        {.key = "worker.silence",
         .type = "duration",
         .standard = "60s",
         .text = "A worker that says nothing for so long is given up.",
         .set = duration(&Config::worker_silence)},
    };
}

std::vector<Option> logging() {
    return {
        {.key = "log.format",
         .type = "text or json",
         .standard = "text",
         .text = "How the sidecar logs: lines for people, or a JSON object a line.",
         .set = one_of(&Config::log_format, {"text", "json"})},
        {.key = "log.level",
         .type = "debug, info, warning or error",
         .standard = "info",
         .text = "What is logged: this and what is worse.",
         .set = one_of(&Config::log_level, {"debug", "info", "warning", "error"})},
    };
}

} // namespace

std::optional<std::string> read_secret(const std::string& file, const std::string& name,
                                       std::string& secret) {
    std::ifstream stream(file, std::ios::binary);
    std::error_code ignored;
    if (!stream.is_open() || std::filesystem::is_directory(file, ignored))
        return "use a file that can be read: this one can't";
    std::ostringstream content;
    content << stream.rdbuf(); // turns a failed read into an empty secret, where an iterator would throw
    auto read = content.str();
    if (read.ends_with('\n'))
        read.pop_back();
    if (read.ends_with('\r'))
        read.pop_back();
    if (read.empty())
        return "put the " + name + " into the file: it is empty";
    if (read.find_first_of(std::string("\n\0", 2)) != std::string::npos)
        return "use a file of one line: a " + name + " has no line break and no NUL";
    secret = read;
    return std::nullopt;
}

std::string Option::section() const {
    const auto dot = key.find('.');
    return dot == std::string::npos ? "" : key.substr(0, dot);
}

std::string Option::variable() const {
    std::string name = "MIRACLEMAX_" + key;
    std::transform(name.begin(), name.end(), name.begin(), [](char c) {
        return c == '.' ? '_' : c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    });
    return name;
}

const std::vector<Option>& options() {
    static const std::vector<Option> all = [] {
        auto table = places();
        for (auto part : {formats(), keeping_options(), serving_options(), restoring(), workers(), logging(),
                          notify_options()})
            std::move(part.begin(), part.end(), std::back_inserter(table));
        return table;
    }();
    return all;
}

std::optional<std::string> expanded(const std::string& path, const Environment& environment) {
    auto whole = path;
    if (path == "~" || path.starts_with("~/")) {
        const auto home = environment("HOME");
        if (!home || !home->starts_with('/'))
            return std::nullopt;
        whole = *home + path.substr(1);
    }
    return whole.starts_with('/') ? std::optional(component::normalised(whole)) : std::nullopt;
}

} // namespace miraclemax::config
