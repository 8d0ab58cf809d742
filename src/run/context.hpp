// What every step of a run is handed: borrowed from main for the length of the run.
#pragma once

#include "run/host.hpp"
#include "run/observer.hpp"
#include "run/settings.hpp"

#include <stop_token>

namespace miraclemax::run {

struct Context {
    const Settings& settings;
    podman::Engine& engine;
    std::optional<std::string> self_id;
    Observer& observer;
    std::stop_token stop; // SIGTERM, Ctrl-C: release, then leave
    // Not empty: podman isn't there, says this; for what needs none. The engine throws whatever it is asked.
    std::string no_podman{};
};

// Where podman isn't there, a host of which nothing is known. Throws Error (podman).
[[nodiscard]] Host survey(const Context& context);

// "2025-10-16T03:00:00+02:00", and the same moment as "2025-10-16T01:00:00Z".
[[nodiscard]] std::string local_time(std::chrono::system_clock::time_point moment);
[[nodiscard]] std::string utc_time(std::chrono::system_clock::time_point moment);
// Names one execution: "20251016-030000-<pid>-<ns>". The pid is this process's, in its own pid namespace.
[[nodiscard]] std::string new_run_name();
[[nodiscard]] std::optional<int> pid_of_run(const std::string& run);

} // namespace miraclemax::run
