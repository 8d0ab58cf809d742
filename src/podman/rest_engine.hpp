// The real engine: libcurl over podman's unix socket. Facts behind it: libpod's REST API, podman 4.3.1
// to 5.x.
#pragma once

#include "podman/engine.hpp"

#include <functional>

namespace miraclemax::podman {

struct ConnectionOptions {
    std::string socket{};                        // path of the unix socket
    std::chrono::milliseconds deadline{30'000};  // of one call
    std::chrono::milliseconds retry_for{10'000}; // how long a call that is safe to repeat is repeated
};

// Throws Error (podman) when the socket is forbidden or not podman's, NotThere when it is missing or nobody
// listens, naming the path and the remedy.
std::unique_ptr<Engine> connect(ConnectionOptions options);
// Asks nothing: whether podman is there shows at the first call. For what may never need it.
std::unique_ptr<Engine> connect_on_use(ConnectionOptions options);

using Environment = std::function<std::optional<std::string>(const std::string& name)>;
// The first that is set or exists: configured, CONTAINER_HOST (unix://…), /run/podman/podman.sock,
// $XDG_RUNTIME_DIR/podman/podman.sock. Throws NotThere listing where it looked, Error (podman) for what is no
// unix socket.
std::string find_socket(const std::string& configured, const Environment& environment,
                        const std::string& system_socket = "/run/podman/podman.sock");

// The id of the container this process runs in, from mountinfo text (/proc/self/mountinfo); nullopt on a
// host.
std::optional<std::string> own_container_id(const std::string& mountinfo);

// Every endpoint that is used, as "METHOD path" without the version prefix; the README shows the same list
// and a test holds them together.
struct Endpoint {
    const char* method;
    const char* path; // "libpod/containers/{id}/pause"
    const char* purpose;
};
const std::vector<Endpoint>& endpoints();

} // namespace miraclemax::podman
