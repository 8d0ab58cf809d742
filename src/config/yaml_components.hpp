// The `components:` list of the YAML file. Included by config's .cpp files only: it shows yaml-cpp.
#pragma once

#include "config/yaml_file.hpp"

#include <yaml-cpp/yaml.h>

namespace miraclemax::config {

// "config.yml line 3"; the line counts from 0, below 0: not known.
std::string where_of(const std::string& file, int line);

std::vector<component::Configured> read_components(const std::string& file, const YAML::Node& list,
                                                   const Environment& environment, Problems& problems);

} // namespace miraclemax::config
