// What every run begins with: what dead runs left is undone, and this one gets a name, a journal and a place
// for its workers' sockets.
#pragma once

#include "run/context.hpp"

#include "quiesce/journal.hpp"

namespace miraclemax::run {

// What a dead run left comes first: its frozen containers would be taken for ones that the user paused, its
// half-moved data for the user's. Throws Error (not_released) naming what could not be put back.
// `locked`: no restore lives beside this; then what another recovery has in hand is waited for, a minute at
// most (Error busy).
// A stopped container that podman doesn't start is warned of alone, but for `unstarted` blocks: what it
// lacks may be the very data that is to be restored, or put back.
enum class Unstarted { warned, blocks };
void undo_dead_runs(const Context& context, bool locked = true, Unstarted unstarted = Unstarted::warned);

// For a run that has put data in order: who dead runs had stopped, and could not be started without that, is
// started now. Returns what could not be put back; empty: all was.
[[nodiscard]] std::string start_the_waiting(const Context& context);

// Lives as long as the run. Its journal's lock says to everybody that the run is alive. Throws Error (failed)
// when the state folder can't be written: then nothing may be frozen.
class Execution {
public:
    explicit Execution(const Context& context);
    ~Execution();
    Execution(const Execution&) = delete;
    Execution& operator=(const Execution&) = delete;

    [[nodiscard]] const std::string& run() const { return run_; }
    [[nodiscard]] quiesce::Journal& journal() { return journal_; }
    // Where nothing is open, the journal goes. The next recovery removes one that stays: no reason to call
    // what was done failed.
    void close();

private:
    const Context& context_;
    std::string run_;
    quiesce::Journal journal_;
    std::filesystem::path control_;
};

} // namespace miraclemax::run
