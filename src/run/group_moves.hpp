// The moves that keep a group's data of one moment, whatever is killed when: what is meant stands in the
// record first, for all members in one write, and is done by whoever comes next.
#pragma once

#include "error.hpp"
#include "run/context.hpp"
#include "run/host.hpp"
#include "run/restore_record.hpp"

#include "worker/restoring.hpp"

#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

namespace miraclemax::run {

// What all members hold after an undo, and why that is the new data; or why the record still says "undoing"
// though they hold the old.
struct Undone {
    archive::Holds holds = archive::Holds::old_data;
    std::optional<Error> failure{};
};

// All that is handed in must outlive it. Used by one thread. Members are named by component, and are in the
// record.
class GroupMoves {
public:
    // `run`: under whose name its settlers work.
    GroupMoves(const Settings& settings, podman::Engine& engine, const Host& host, std::string run,
               RestoreRecords& records, RestoreRecord& record)
        : settings_(settings), engine_(engine), host_(host), run_(std::move(run)), records_(records),
          record_(record) {}

    // From swapping, swapped or returning: all hold the old data, nothing lies aside, and the record forgets
    // them (but for strays, and for a volume that was made, which is staging again). Throws Error naming the
    // member that could not; then it is to be called again.
    void give_back(const std::vector<std::string>& members);
    // From swapped: all are exchanged, and undone. Where one can't be, all hold the new data again. `acting`:
    // the run that does it. `check` is called when all are exchanged: an Error of it takes the undo back.
    // Throws Error when a member can't be brought to either; finish_undo() then.
    Undone undo(const std::vector<std::string>& members, const std::string& acting,
                const std::function<void()>& check = {});
    // The same, from wherever a dead run left them.
    Undone finish_undo(const std::vector<std::string>& members);
    // One that was being swapped, whatever its group is at. Throws Error when it can't be settled.
    archive::Holds settle(const std::string& member);
    // Nothing lies aside of it any more: the record forgets it, but for strays. Throws Error.
    void close(const std::string& member);

private:
    archive::Holds act(const std::string& member, worker::Settling what);
    void bring(const std::string& member, archive::Holds wanted);
    bool on_new(const std::string& member);
    Undone all_exchanged(const std::vector<std::string>& members, bool anywhere,
                         const std::function<void()>& check);
    void exchange(const std::string& member);
    bool holds_old(const std::string& member);
    Undone back_to_new(const std::vector<std::string>& members, const Error& failure);
    Error withdrawn(const std::vector<std::string>& members, const Error& failure);

    const Settings& settings_;
    podman::Engine& engine_;
    const Host& host_;
    std::string run_;
    RestoreRecords& records_;
    RestoreRecord& record_;
};

// What lies aside of a component goes for ever, but for strays, and then the record of it. That is on disk
// before the first byte goes: from then on there is no undo of it, and recovery finishes it. `run`: as with
// GroupMoves. Throws Error.
void drop_aside(const Settings& settings, podman::Engine& engine, const Host& host, const std::string& run,
                RestoreRecords& records, RestoreRecord& record, const std::string& component,
                const std::stop_token& stop = {});

// Each component with strays that nobody was told of goes to `tell`. Where that answers true, it is on record
// afterwards that they were told.
void tell_strays(RestoreRecords& records, RestoreRecord& record,
                 const std::function<bool(const RestoredComponent&)>& tell);

// The members' go to the observer.
void warn_of_strays(const Context& context, RestoreRecords& records, RestoreRecord& record,
                    const std::vector<std::string>& members);

// "what somebody made in it meanwhile is kept …: PATH, PATH", for one that has any.
[[nodiscard]] std::string where_strays_lie(const RestoredComponent& each);

} // namespace miraclemax::run
