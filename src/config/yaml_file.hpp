// The YAML file as words with the lines they stand at. yaml-cpp stays behind this header.
#pragma once

#include "config/options.hpp"

#include <map>

namespace miraclemax::config {

using Problems = std::vector<std::string>; // one line each

// What is wrong, and what to do, in one line: "config.yml line 3: level is \"x\": use a whole number".
std::string told(const std::string& where, const std::string& what, const std::string& remedy);

struct Given { // one option's values, and who gave them
    std::vector<std::string> values{};
    std::string where{}; // "config.yml line 3", "MIRACLEMAX_BACKUP_FOLDER"
};

struct FileWords {
    std::map<std::string, Given> options{}; // by key
    std::vector<component::Configured> components{};
    std::vector<Tier> tiers{};
};

// Reads the file. What is wrong is added to problems. `environment` is asked for HOME alone.
FileWords read_yaml(const std::string& file, const Environment& environment, Problems& problems);

} // namespace miraclemax::config
