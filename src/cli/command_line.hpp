// argv to a command, and what it found to text and an exit code.
#pragma once

#include "run/settings.hpp"

#include "podman/engine.hpp"
#include "worker/launcher.hpp"

namespace miraclemax::cli {

struct Setup {
    run::Settings settings;
    std::string socket; // as configured; empty: searched
};

// The concrete parts, chosen by main.
struct Composition {
    std::function<Setup(const std::string& config_file)> load; // throws Error (config)
    std::function<std::unique_ptr<podman::Engine>(const std::string& socket)> connect;
    std::function<std::optional<std::string>()> self_id; // the container this process runs in
    std::function<std::string()> example_config;
    std::function<int(const worker::Control&)> work;
};

// Returns the exit code (error.hpp). Errors go to stderr, each with its remedy. The names
// pai-miraclemax-backup stand for `backup`.
int command_line(int argc, char** argv, const Composition& composition);

} // namespace miraclemax::cli
