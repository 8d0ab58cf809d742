// argv to a command, and what it found to text and an exit code.
#pragma once

#include "run/settings.hpp"

#include "podman/engine.hpp"
#include "telemetry/notifications.hpp"
#include "worker/launcher.hpp"

namespace miraclemax::cli {

// How `serve` is to stand by: what it needs beside the runs' settings.
struct Serving {
    std::string plan_backup, plan_verify; // cron expressions, "off" for none
    std::string plan_replicate;           // or "after-backup"
    std::chrono::seconds jitter{0};
    bool catch_up = true;
    bool http = true;
    std::string address = "auto";
    int port = 9847;
    std::filesystem::path textfile;
    std::vector<telemetry::Channel> channels;
    std::string runbook;
    std::string log_format = "text", log_level = "info";
};

struct Setup {
    run::Settings settings;
    std::string socket; // as configured; empty: searched
    Serving serving{};
};

// The concrete parts, chosen by main.
struct Composition {
    std::function<Setup(const std::string& config_file)> load; // throws Error (config)
    std::function<std::unique_ptr<podman::Engine>(const std::string& socket)> connect;
    // For what may never need podman: its absence shows at the first call.
    std::function<std::unique_ptr<podman::Engine>(const std::string& socket)> connect_on_use;
    std::function<std::optional<std::string>()> self_id; // the container this process runs in
    std::function<std::string()> example_config;
    std::function<int(const worker::Control&)> work;
};

// Returns the exit code (error.hpp). Errors go to stderr, each with its remedy. The names
// pai-miraclemax-backup and pai-miraclemax-restore stand for `backup` and `restore`.
int command_line(int argc, char** argv, const Composition& composition);

} // namespace miraclemax::cli
