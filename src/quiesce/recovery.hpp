// Puts back what dead runs left frozen.
#pragma once

#include "podman/engine.hpp"
#include "quiesce/journal.hpp"

namespace miraclemax::quiesce {

struct Recovered {
    std::string run{}, id{}, name{};
    std::string what{}; // "unpaused", "started", "was already running", "is gone", or why not
    bool ok = true;
};

struct RecoveryReport {
    std::vector<Recovered> containers;
    std::vector<std::string> warnings; // a damaged journal
    [[nodiscard]] bool ok() const;     // false: something is not as it was; its journal stays
};

// Undo of one entry, idempotent, from every state (stopping: stop again, then start; paused by somebody
// before: left). One that is paused now but was to be stopped is left: somebody else paused it. A container
// of Act::none is only looked at. podman's refusals are tried again for about 2 s, a podman that can't be
// reached for 20 s. A container that is gone counts as done only when it can't come back (say so). Never
// throws for one container.
Recovered undo(podman::Engine& engine, const Entry& entry);

// Replays every dead journal in the folder: unpauses first, all at once, then starts, last stage first; then
// after-hooks. What a living run holds is left to it (and stays in the journal). Safe to run at the same time
// in two processes.
RecoveryReport recover(podman::Engine& engine, const std::filesystem::path& folder);

} // namespace miraclemax::quiesce
