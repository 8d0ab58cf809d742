// What we send: JSON bodies (specgen.SpecGenerator, handlers.ExecCreateConfig of podman 4.3 to 5.x) and
// filters.
#pragma once

#include "podman/types.hpp"

namespace miraclemax::podman {

[[nodiscard]] std::string create_body(const ContainerSpec& spec);
[[nodiscard]] std::string volume_body(const VolumeSpec& spec); // entities.VolumeCreateOptions
[[nodiscard]] std::string exec_body(const std::vector<std::string>& argv);
[[nodiscard]] std::string exec_start_body();
[[nodiscard]] std::string label_filter(const std::string& label); // {"label":["key=value"]}

} // namespace miraclemax::podman
