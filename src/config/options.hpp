// Every option, once: the loader, the example and the messages about unknown keys come from this table.
#pragma once

#include "config/config.hpp"

namespace miraclemax::config {

struct Option {
    std::string key{};      // "backup.folder"
    std::string type{};     // for people: "folder", "true or false"
    std::string standard{}; // the default as YAML: "/backups", "[/keys]", "\"\""
    std::string text{};     // one line for the reference
    bool list = false;
    // Puts the values (one, unless list) into the configuration. Returns what to use instead when they are
    // wrong. A path has been expanded by `expand` (see Expand) by then where `path` is set.
    bool path = false;
    std::function<std::optional<std::string>(Config&, const std::vector<std::string>&)> set{};

    [[nodiscard]] std::string section() const;  // "backup"; empty for a key of the top level
    [[nodiscard]] std::string variable() const; // "MIRACLEMAX_BACKUP_FOLDER"
};

const std::vector<Option>& options();
std::vector<Option> notify_options(); // a part of them, section "notify"

// The one line in a secret's file, as it is called ("passphrase") in what to do instead.
std::optional<std::string> read_secret(const std::string& file, const std::string& name, std::string& secret);

// "~/x" by HOME; absolute and normalised. nullopt: neither absolute nor to be expanded.
std::optional<std::string> expanded(const std::string& path, const Environment& environment);

} // namespace miraclemax::config
