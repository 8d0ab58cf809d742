// What a run is about to do to containers, on disk before it does it.
#pragma once

#include "quiesce/freeze_plan.hpp"

#include <filesystem>
#include <map>
#include <memory>
#include <set>

namespace miraclemax::quiesce {

// Format: one line a record, "<crc32 of the JSON, 8 hex digits> <JSON>\n", in a file <folder>/<run>.journal
// (0600, folder 0700) that is preallocated: its tail is NUL bytes. Records: {"t":"run"}, {"t":"intend", ...}
// before an act,
// {"t":"done","id":...} after its undoing. An unfinished last line was never durable, so its act never
// happened; any other line whose checksum fails is damage: what follows it is still read, and the damage is
// told.
struct Entry {
    std::string id{}, name{}, unit{};
    Act act = Act::pause;
    podman::State before = podman::State::running;
    std::string started_at{};
    std::vector<std::string> after{}; // hook to run once it runs again
    std::chrono::seconds stop_timeout{10};
    std::chrono::seconds hook_timeout{30};
    int stage = 0;            // the stage of the plan; undone last stage first
    bool tried_pause = false; // Act::stop after a pause that failed, and that may have come through late
};

// One run's journal; its flock says that the run lives. Thread-safe. Every write is durable when it returns.
class Journal {
public:
    // Creates and locks. Throws Error (failed) when it can't be written: then nothing may be frozen.
    Journal(const std::filesystem::path& folder, const std::string& run);
    ~Journal(); // as close(); leaves the file when entries are open
    Journal(const Journal&) = delete;
    Journal& operator=(const Journal&) = delete;

    // A second intent for an id replaces the first. Throws Error (failed): then don't act.
    void intend(const Entry& entry);
    void done(const std::string& id);
    [[nodiscard]] std::vector<Entry> open() const; // in the order of the intents
    void close();                                  // nothing open: removes the file and unlocks

private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

// The journal of a run that is dead (its lock was free and is now held by this object).
class DeadJournal {
public:
    DeadJournal(DeadJournal&&) noexcept;
    DeadJournal& operator=(DeadJournal&&) noexcept;
    ~DeadJournal();
    [[nodiscard]] const std::string& run() const;
    [[nodiscard]] const std::vector<Entry>& open() const;
    [[nodiscard]] bool damaged() const; // a record (or the file) could not be read: what it said is unknown
    // Why the file could not be opened or read at all; empty: it could.
    [[nodiscard]] const std::string& trouble() const;
    void done(const std::string& id); // throws Error (failed)
    void remove(); // all is undone; a damaged one is kept as <run>.damaged-journal. Throws Error (failed)

private:
    friend std::vector<DeadJournal> dead_journals(const std::filesystem::path& folder);
    class Impl;
    explicit DeadJournal(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};
// Sorted by run. A missing folder has none. Throws Error (failed) when the folder can't be read.
std::vector<DeadJournal> dead_journals(const std::filesystem::path& folder);
// What the living have frozen: run by container id. Reads without locking.
std::map<std::string, std::string> held_by_living(const std::filesystem::path& folder,
                                                  const std::set<std::string>& except_runs = {});

// What dead runs left and nobody has put back yet. Reads without locking.
struct Leftover {
    std::string run{};
    std::vector<Entry> open{}; // those that were acted on, but for what a living run holds now
    std::string trouble{};     // why what it says can't be told; empty: it can
    std::filesystem::file_time_type changed{};
};
// Sorted by run. A journal that this process holds is a dead run's, which its recovery tries to undo: so call
// it in a process that has no run of its own. A missing folder has none. Throws Error (failed) when the
// folder can't be read.
std::vector<Leftover> leftovers(const std::filesystem::path& folder);

// True when a live process holds the journal of that run.
bool alive(const std::filesystem::path& folder, const std::string& run);

} // namespace miraclemax::quiesce
