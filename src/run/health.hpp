// Whether containers came up well after they were started.
#pragma once

#include "podman/engine.hpp"
#include "quiesce/window.hpp"

#include <chrono>
#include <stop_token>
#include <string>
#include <vector>

namespace miraclemax::run {

struct Health {
    std::string container;
    bool good = true;
    std::string what;     // "healthy", "running", "unhealthy", "exited"
    std::string last_log; // its last lines, when not good
};

// Waits for the health check of each, as long as `patience`; one without a check has to run for
// `settle_time`. Where podman's own timer doesn't run a check (it needs systemd), it is run here, so that it
// never counts as unhealthy sooner than it would at its own interval. Calls the engine from threads of its
// own. Never throws for a container: what can't be told is not good. Takes notice of stop within 5 s.
std::vector<Health> await_health(podman::Engine& engine, const std::vector<std::string>& names,
                                 std::chrono::milliseconds settle_time, std::chrono::milliseconds patience,
                                 const std::stop_token& stop);

// Of those that a release could not put back.
struct LeftDown {
    struct Unstarted {
        quiesce::Entry entry;
        std::string why; // in podman's words
    };
    // Stopped, and podman doesn't start them. They stay in the journal: recovery tries it again.
    std::vector<Unstarted> unstarted;
    bool others = false; // of which nothing can be told, or that are something else than stopped
};

// Who did start, and has ended since, leaves the journal: nothing that recovery could mend, but for
// await_health() to tell. `before`: as they were before they were stopped.
LeftDown left_down(podman::Engine& engine, quiesce::Journal& journal, const quiesce::FreezeReport& released,
                   const std::vector<podman::Container>& before);

} // namespace miraclemax::run
