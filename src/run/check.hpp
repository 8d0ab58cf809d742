// Everything that could stop a backup tonight, looked at all at once.
#pragma once

#include "error.hpp"
#include "run/context.hpp"

#include <functional>

namespace miraclemax::run {

struct Finding {
    std::string what; // "socket", "backup folder", "keys" …
    bool ok = true;
    std::string text;   // what was found
    std::string remedy; // when not ok
    ExitCode code = ExitCode::ok;
};

using Connect = std::function<std::unique_ptr<podman::Engine>()>;

// Never throws for what it finds; changes nothing.
std::vector<Finding> check(const Settings& settings, const Connect& connect,
                           const std::optional<std::string>& self_id);

} // namespace miraclemax::run
