// The sidecar's main process: stands by, watches over freezes, lets nothing frozen behind when it goes.
#pragma once

#include "run/recover.hpp"

#include <functional>
#include <memory>
#include <stop_token>

namespace miraclemax::serve {

struct Patrol {
    std::chrono::milliseconds every{2'000};
    // On SIGTERM: how long runs of `podman exec` get to release by themselves before they are ended and
    // undone.
    std::chrono::milliseconds grace{3'000};
    // On SIGTERM: when everything that can be put back is. A stop that goes on for longer is left as it is:
    // its container is started by the next start of miraclemax (ending it sooner would kill what it runs).
    std::chrono::milliseconds promise{8'000};
    std::optional<std::string> self_id{}; // the container that this runs in
};

using Connect = std::function<std::unique_ptr<podman::Engine>()>;
using Say = std::function<void(const std::string& line)>;

// Until stop is requested: replays the journals of dead runs, reaps orphaned children (it is process 1 of
// its container). Then releases every open journal entry, those of live runs included, and returns whether
// everything is as it was; only then it waits for a hook of a dead run that may still be going on. A podman
// that does not answer is told once and tried again.
bool serve(const run::Settings& settings, const Connect& connect, const Patrol& patrol, const Say& say,
           const std::stop_token& stop);

// Whether no run has left anything frozen; what one has is tried once more, without waiting. For the very
// end, when nothing is left that could start or undo a run. Never throws.
bool all_back(const run::Settings& settings, const Connect& connect, const Say& say);

} // namespace miraclemax::serve
