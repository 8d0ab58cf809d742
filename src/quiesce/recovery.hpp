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
    bool waits = false;   // not ok, but for others no reason not to run
    bool refused = false; // not ok: it is stopped, and podman doesn't start it
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

// Who stays as he is for now: data has to be put in order first. What throws here keeps all who are to be
// started from it, and is told; nobody is kept paused for it.
struct Waiting {
    // These runs' containers, unsaid. Asked once the dead are known.
    std::function<std::set<std::string>()> runs{};
    // Containers by id, whoever stopped them. Asked where there is somebody to start, once all pauses are
    // undone.
    std::function<std::set<std::string>(const Haste&)> containers{};
};

// Undo of one entry, idempotent, from every state (stopping: stop again, then start; paused by somebody
// before: left). One that is paused now but was to be stopped is left: somebody else paused it. A container
// of Act::none is only looked at. podman's refusals are tried again for about 2 s, a podman that can't be
// reached for 20 s. A container that is gone counts as done only when it can't come back (say so). Never
// throws for one container.
Recovered undo(podman::Engine& engine, const Entry& entry);

// Replays every dead journal in the folder: all unpauses first, then starts, last stage first; then
// after-hooks. What a living run holds is left to it (and stays in the journal). Safe to run at the same time
// in two processes. In haste a stop that is still going on is not ended by force (its time is the user's),
// and an after-hook for which no time is left stays owed.
RecoveryReport recover(podman::Engine& engine, const std::filesystem::path& folder, const Haste& haste = {},
                       const Waiting& waiting = {});

} // namespace miraclemax::quiesce
