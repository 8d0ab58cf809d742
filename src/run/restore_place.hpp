// Which worker writes into a component, and where its data is for it.
#pragma once

#include "run/host.hpp"
#include "run/restore_record.hpp"

#include "worker/restoring.hpp"

namespace miraclemax::run {

// The sidecar has no capabilities to write with: it always takes a helper container. A host install takes a
// child, which needs to see the folder.
[[nodiscard]] std::string restore_kind(const Host& host); // "child", "container"

// Throws Error (config) when nobody can reach the data.
worker::Placement restore_placement(const Settings& settings, const Host& host, const std::string& run,
                                    const RestoredComponent& component);
// Its volume is no longer there, or another of its name is, and so nothing of a restore can be left in it.
[[nodiscard]] bool gone(const Host& host, const RestoredComponent& component);
[[nodiscard]] archive::Site site_of(const RestoreRecord& record, const RestoredComponent& component);

std::unique_ptr<worker::RestoreLauncher> restore_launcher(const Settings& settings, podman::Engine& engine,
                                                          const Host& host, const std::string& kind);

// A settler at its work: to be waited for. `folder`: of Settling::make_folder.
std::unique_ptr<worker::Settler> settler(const Settings& settings, podman::Engine& engine, const Host& host,
                                         const std::string& run, const RestoreRecord& record,
                                         const RestoredComponent& component, worker::Settling what,
                                         const std::string& folder = {});
// One act of a settler, from start to end.
archive::Holds settle(const Settings& settings, podman::Engine& engine, const Host& host,
                      const std::string& run, const RestoreRecord& record, const RestoredComponent& component,
                      worker::Settling what, const std::stop_token& stop = {});
// How much room there is around a component's data. Throws Error (destination) where a mount point within it
// would be in the way of emptying it, and what a settler's launch throws.
archive::Space room_at(const Settings& settings, podman::Engine& engine, const Host& host,
                       const std::string& run, const RestoreRecord& record,
                       const RestoredComponent& component, const std::stop_token& stop = {});

} // namespace miraclemax::run
