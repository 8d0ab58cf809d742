// Volumes of podman's local driver that are a bind mount of a host folder (options type=none, o=bind,
// device=…). See podman-volume-create(1). Pure.
#pragma once

#include "podman/types.hpp"

namespace miraclemax::component {

// The device, normalised; nullopt: not such a volume.
[[nodiscard]] std::optional<std::string> bound_device(const podman::Volume& volume);

// Where a volume's data is on the host: the device of a bound one, else the mountpoint; may be empty.
[[nodiscard]] std::string data_path(const podman::Volume& volume);

} // namespace miraclemax::component
