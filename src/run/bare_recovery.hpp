// Recovery where podman isn't there: of what was restored into folders.
#pragma once

#include "run/recover.hpp"

namespace miraclemax::run {

// All that a restore has in hand is a folder of its own (--to), made and filled by child processes where
// podman wasn't there. One that was made with podman has stopped who uses the folder, and they may be up
// again.
[[nodiscard]] bool needs_no_podman(const RestoreRecord& record);

// Settles the folders of dead restores; all else that dead runs left stays on record, and is named as
// waiting. `engine` is not asked anything. For one outside of a container.
Recovery recover_without_podman(const Settings& settings, podman::Engine& engine,
                                const std::string& no_podman, const std::stop_token& stop = {},
                                std::chrono::milliseconds patience = std::chrono::seconds(60));

} // namespace miraclemax::run
