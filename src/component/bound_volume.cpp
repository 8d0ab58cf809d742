#include "component/bound_volume.hpp"

#include "component/paths.hpp"

#include <algorithm>

namespace miraclemax::component {

std::optional<std::string> bound_device(const podman::Volume& volume) {
    const auto device = volume.options.find("device");
    const auto options = volume.options.find("o");
    if (volume.driver != "local" || options == volume.options.end() || device == volume.options.end() ||
        !device->second.starts_with('/'))
        return std::nullopt;
    const auto& list = options->second;
    for (std::size_t begin = 0; begin <= list.size();) {
        const auto end = std::min(list.find(',', begin), list.size());
        const auto word = list.substr(begin, end - begin);
        if (word == "bind" || word == "rbind")
            return normalised(device->second);
        begin = end + 1;
    }
    return std::nullopt;
}

std::string data_path(const podman::Volume& volume) {
    if (const auto device = bound_device(volume))
        return *device;
    return volume.mountpoint.empty() ? "" : normalised(volume.mountpoint);
}

} // namespace miraclemax::component
