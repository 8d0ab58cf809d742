// The endpoints by name, for this room: their paths stand in endpoints.cpp and nowhere else.
#pragma once

#include "podman/rest_engine.hpp"

#include <string_view>

namespace miraclemax::podman {

enum class Call : std::size_t {
    ping,
    info,
    list_volumes,
    inspect_volume,
    create_volume,
    delete_volume,
    list_containers,
    inspect_container,
    image_exists,
    pause,
    unpause,
    stop,
    start,
    create,
    remove,
    logs,
    run_health_check,
    exec_create,
    exec_start,
    exec_inspect,
};

[[nodiscard]] const Endpoint& endpoint(Call call);
// "/v4.0.0/libpod/containers/db/pause"; the ping goes without the version. object replaces {id} or {name} and
// is percent-encoded (RFC 3986), but for the "/", ":" and "@" of an image's name; query is appended as it is.
[[nodiscard]] std::string path_of(Call call, std::string_view object = {}, std::string_view query = {});
[[nodiscard]] std::string percent_encoded(std::string_view text, std::string_view kept = {});

} // namespace miraclemax::podman
