// Rules of retention as `keep` has them. Included by config's .cpp files only: it shows yaml-cpp.
#pragma once

#include "config/yaml_file.hpp"

#include <yaml-cpp/yaml.h>

namespace miraclemax::config {

// `line`: of the key `keep`; `of`: whose it is, for messages ("component", "tier").
component::Keep read_keep(const std::string& file, int line, const YAML::Node& node, const std::string& of,
                          Problems& problems);

} // namespace miraclemax::config
