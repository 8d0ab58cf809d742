// The `tiers:` list of the YAML file. Included by config's .cpp files only: it shows yaml-cpp.
#pragma once

#include "config/yaml_file.hpp"

#include <yaml-cpp/yaml.h>

namespace miraclemax::config {

std::vector<Tier> read_tiers(const std::string& file, const YAML::Node& list, const Environment& environment,
                             Problems& problems);

} // namespace miraclemax::config
