// Podman's JSON answers to values (libpod/define, pkg/domain/entities of podman 4.3 to 5.x). Missing and null
// fields are empty; a field of another type, or no JSON at all, throws Error (podman) that names the act.
#pragma once

#include "podman/types.hpp"

namespace miraclemax::podman {

[[nodiscard]] Info read_info(const std::string& body, const std::string& act);
[[nodiscard]] Volume read_volume(const std::string& body, const std::string& act);
[[nodiscard]] std::vector<Volume> read_volumes(const std::string& body,
                                               const std::string& act); // sorted by name
[[nodiscard]] Container read_container(const std::string& body, const std::string& act);
[[nodiscard]] std::vector<std::string> read_container_ids(const std::string& body, const std::string& act);
[[nodiscard]] std::string read_id(const std::string& body, const std::string& act); // of what was created

struct ExecState {
    bool running = false;
    int exit_code = 0;
};
[[nodiscard]] ExecState read_exec(const std::string& body, const std::string& act);

} // namespace miraclemax::podman
