// The words that labels (miraclemax.<word>) and the configuration's `components:` share, each with its check.
// Pure; any thread.
#pragma once

#include "component/discovery.hpp"

namespace miraclemax::component {

// backup, component, category, encryption, priority, quiesce, group, max-freeze, exclude.
const std::vector<std::string>& choice_words();

// nullopt: the value is right for this word. Else what to use instead: "use auto, pause, stop or none".
[[nodiscard]] std::optional<std::string> remedy_for(const std::string& word, const std::string& value);

// Where a word's value stands; nullptr for `exclude` and for what is no word.
std::optional<std::string>* value_of(Choice& choice, const std::string& word);
const std::optional<std::string>* value_of(const Choice& choice, const std::string& word);

// [A-Za-z0-9][A-Za-z0-9_.-]{0,63}: what may become a path in a backup.
[[nodiscard]] bool is_name(const std::string& text);

// Patterns of an `exclude` label: a JSON list of strings, or separated by commas. nullopt: neither.
[[nodiscard]] std::optional<std::vector<std::string>> patterns_from(const std::string& text);

enum class Backup { yes, only_full, no };
// "true", "optional", "false"; also "True" and "False", which podman-compose makes of YAML's booleans.
[[nodiscard]] std::optional<Backup> backup_from(const std::string& word);

} // namespace miraclemax::component
