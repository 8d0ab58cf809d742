// Puts back what dead runs left: half-moved data, containers, helper containers.
#pragma once

#include "run/host.hpp"
#include "run/settings.hpp"
#include "run/settlement.hpp"

#include "quiesce/recovery.hpp"

#include <set>
#include <stop_token>

namespace miraclemax::run {

struct Recovery {
    std::vector<Settled> data;
    quiesce::RecoveryReport containers;
    std::vector<std::string> workers; // helper containers that were removed
    // Left until podman is there: "container NAME", "component NAME".
    std::vector<std::string> for_podman{};
    [[nodiscard]] bool ok() const;
};

// What a later call tells is added to what an earlier one told: on a component, and on a container that
// waited, its word is the last.
void add(Recovery& to, Recovery later);

// First what was frozen goes on, then helper containers of dead runs are removed, then what a dead restore
// was moving is finished or undone (who uses it meanwhile is stopped, and started again), and only then its
// containers are started. Touches only this instance's, and only those of runs that are dead. Throws Error
// (podman). `patience`: how long it waits for another process that is at it. Once `stop` is requested nobody
// is stopped any more.
Recovery recover(const Settings& settings, podman::Engine& engine, const std::optional<std::string>& self_id,
                 const std::stop_token& stop = {},
                 std::chrono::milliseconds patience = std::chrono::seconds(60));

// The runs whose containers may not be started before their data is settled, if they are dead; the recoveries
// that stopped who used it are among them. Reads the state folder alone.
std::set<std::string> unsettled(const Settings& settings);
// A run that was cut off has left what `recover`, or a new run, puts in order. Reads the state folder alone;
// to be called by a process that has no run of its own. Throws Error (failed) when it can't be read.
[[nodiscard]] bool awaits_recovery(const Settings& settings);
// For quiesce::recover: those, and the containers that use half-moved data, for which podman is only asked
// where there is such data. All that is handed in must outlive it.
quiesce::Waiting waiting(const Settings& settings, podman::Engine& engine,
                         const std::optional<std::string>& self_id);

} // namespace miraclemax::run
