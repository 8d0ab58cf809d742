#include "config/options.hpp"

#include "component/choice.hpp"
#include "component/paths.hpp"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>

namespace miraclemax::config {
namespace {

using Values = std::vector<std::string>;
using Wrong = std::optional<std::string>;

auto text(std::string Config::*member) {
    return [member](Config& config, const Values& values) -> Wrong {
        config.*member = values.front();
        return std::nullopt;
    };
}

auto texts(std::vector<std::string> Config::*member) {
    return [member](Config& config, const Values& values) -> Wrong {
        config.*member = values;
        return std::nullopt;
    };
}

auto one_of(std::string Config::*member, const std::vector<std::string>& words) {
    return [member, words](Config& config, const Values& values) -> Wrong {
        config.*member = values.front();
        if (std::find(words.begin(), words.end(), values.front()) != words.end())
            return std::nullopt;
        std::string remedy = "use";
        for (std::size_t i = 0; i < words.size(); ++i)
            remedy += (i == 0 ? " " : i + 1 == words.size() ? " or " : ", ") + words[i];
        return remedy;
    };
}

template<class Number> auto number(Number Config::*member, int least, int most) {
    return [member, least, most](Config& config, const Values& values) -> Wrong {
        const auto& word = values.front();
        int value = 0;
        const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
        if (error != std::errc{} || end != word.data() + word.size() || value < least || value > most)
            return "use a whole number from " + std::to_string(least) + " to " + std::to_string(most);
        config.*member = static_cast<Number>(value);
        return std::nullopt;
    };
}

auto boolean(bool Config::*member) {
    return [member](Config& config, const Values& values) -> Wrong {
        const auto& word = values.front();
        if (word != "true" && word != "True" && word != "false" && word != "False")
            return "use true or false";
        config.*member = word == "true" || word == "True";
        return std::nullopt;
    };
}

auto duration(std::chrono::milliseconds Config::*member) {
    return [member](Config& config, const Values& values) -> Wrong {
        const auto value = component::duration_from(values.front());
        if (!value)
            return component::remedy_for("max-freeze", values.front()).value_or("use a duration");
        config.*member = *value;
        return std::nullopt;
    };
}

Wrong set_instance(Config& config, const Values& values) {
    config.instance = values.front();
    return component::remedy_for("component", values.front())
               ? Wrong("use 1 to 64 letters, digits, '_', '.' or '-', beginning with a letter or digit")
               : std::nullopt;
}

Wrong set_fingerprints(Config& config, const Values& values) {
    for (const auto& value : values) {
        std::string digits;
        std::copy_if(value.begin(), value.end(), std::back_inserter(digits), [](char c) { return c != ' '; });
        if (digits.starts_with("0x") || digits.starts_with("0X"))
            digits.erase(0, 2);
        const bool hex = digits.find_first_not_of("0123456789abcdefABCDEF") == std::string::npos;
        if (!hex || (digits.size() != 40 && digits.size() != 64))
            return "use full fingerprints, 40 or 64 hex digits each (gpg --fingerprint): \"" + value +
                   "\" is none";
        std::transform(digits.begin(), digits.end(), digits.begin(),
                       [](char c) { return c >= 'a' && c <= 'f' ? static_cast<char>(c - 'a' + 'A') : c; });
        config.recipients.push_back(digits);
    }
    return std::nullopt;
}

Wrong read_passphrase(Config& config, const Values& values) {
    std::ifstream stream(values.front(), std::ios::binary);
    std::error_code ignored;
    if (!stream.is_open() || std::filesystem::is_directory(values.front(), ignored))
        return "use a file that can be read: this one can't";
    std::ostringstream content;
    content << stream.rdbuf(); // turns a failed read into an empty secret, where an iterator would throw
    auto secret = content.str();
    if (secret.ends_with('\n'))
        secret.pop_back();
    if (secret.ends_with('\r'))
        secret.pop_back();
    if (secret.empty())
        return "put the passphrase into the file: it is empty";
    if (secret.find_first_of(std::string("\n\0", 2)) != std::string::npos)
        return "use a file of one line: gpg takes no passphrase with a line break or a NUL";
    config.passphrase = secret;
    return std::nullopt;
}

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
         .set = set_fingerprints},
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

std::vector<Option> workers() {
    return {
        {.key = "worker.launcher",
         .type = "auto, child or container",
         .standard = "auto",
         .text = "Who reads a volume: a child process where its folder can be seen, or a helper container.",
         .set = one_of(&Config::worker, {"auto", "child", "container"})},
        {.key = "worker.volume_store",
         .type = "folder",
         .standard = "\"\"",
         .text = "Where this process sees podman's volume folder. Empty: found by its own mounts.",
         .path = true,
         .set = text(&Config::volume_store)},
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

} // namespace

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
        for (auto part : {formats(), workers()})
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
