// One function a verb. Each returns the exit code or throws Error.
#pragma once

#include "cli/command_line.hpp"
#include "error.hpp"
#include "run/plan.hpp"

#include <stop_token>

namespace miraclemax::cli {

struct Options {
    std::string config_file;
    bool json = false;
    bool dry_run = false;
    bool export_key = false;
    run::Request request;
    std::string backup = "latest"; // `show`
    worker::Control control;       // `worker`
};

class Commands {
public:
    Commands(const Composition& composition, const Options& options, std::stop_token stop)
        : composition_(composition), options_(options), stop_(std::move(stop)) {}

    ExitCode backup();
    ExitCode plan();
    ExitCode list();
    ExitCode show();
    ExitCode recover();
    ExitCode check();
    ExitCode serve();
    ExitCode key();
    ExitCode config();

private:
    [[nodiscard]] Setup load() const { return composition_.load(options_.config_file); }

    const Composition& composition_;
    const Options& options_;
    std::stop_token stop_;
};

} // namespace miraclemax::cli
