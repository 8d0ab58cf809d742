// Puts back what dead runs left frozen.
#pragma once

#include "podman/engine.hpp"
#include "quiesce/journal.hpp"

#include <chrono>
#include <functional>
#include <optional>
#include <set>
#include <stop_token>

namespace miraclemax::quiesce {

struct Recovered {
    std::string run{}, id{}, name{};
    std::string what{}; // "unpaused", "started", "was already running", "is gone", or why not
    bool ok = true;
};

struct RecoveryReport {
    std::vector<Recovered> containers;
    std::vector<std::string> warnings; // a damaged journal
    bool all_known = true;             // false: a journal was damaged, or could not be read
    // False: something is not as it was, and its journal stays; or what it was is not known. A damaged
    // journal is put aside, and so is told once.
    [[nodiscard]] bool ok() const;
};

// For one who has to leave soon. Once no time is left each container is looked at and acted on once more, but
// nothing is waited for: what would take longer stays in the journal, for the next start.
struct Haste {
    std::stop_token stop{}; // requested: no time is left
    std::optional<std::chrono::steady_clock::time_point> until{};
    [[nodiscard]] std::chrono::milliseconds left() const; // 0 or more
};

// Undo of one entry, idempotent, from every state (stopping: stop again, then start; paused by somebody
// before: left). One that is paused now but was to be stopped is left: somebody else paused it. A container
// of Act::none is only looked at. podman's refusals are tried again for about 2 s, a podman that can't be
// reached for 20 s. A container that is gone counts as done only when it can't come back (say so). Never
// throws for one container.
Recovered undo(podman::Engine& engine, const Entry& entry);

// Replays every dead journal in the folder: unpauses first, all at once, then starts, last stage first; then
// after-hooks. What a living run holds is left to it (and stays in the journal). Safe to run at the same time
// in two processes. In haste a stop that is still going on is not ended by force (its time is the user's),
// and an after-hook for which no time is left stays owed. The containers of the runs that `wait` names stay
// as they are for now, unsaid: their data has to be put in order first; it may name containers too, by their
// ids: what a run stopped with one of them stays so. It is asked once the dead are known.
RecoveryReport recover(podman::Engine& engine, const std::filesystem::path& folder, const Haste& haste = {},
                       const std::function<std::set<std::string>()>& wait = {});

} // namespace miraclemax::quiesce
