// A restore where the file system has no room for the old data and the new: a safety backup of the old,
// proven and pinned, then the new data instead of the old. What normally is a rename takes as long as the
// unpacking, and for as long the safety backup is all that is left of the old data.
#pragma once

#include "run/execution.hpp"
#include "run/restore.hpp"

#include "worker/restoring.hpp"

namespace miraclemax::run {

// The members of one group that are restored in place. Used by one thread, in this order. What it is made of
// must outlive it.
class InPlace {
public:
    InPlace(const Context& context, RestoreObserver& observer, Execution& execution, const Host& host,
            const PrivateKeys& keys, const RestoreRequest& request, RestoreRecords& records,
            RestoreRecord& record);

    // Its target is in the record, by the component's name.
    void add(RestoreItem& item, RestoredItem& result) {
        members_.push_back({.item = item, .result = result});
    }
    // Rehearses the archives, makes the safety backup, proves and pins it. Nothing is touched yet. Throws
    // Error.
    void make_safe();
    // Their users are stopped: empties, unpacks, compares, swaps, one after the other. Throws Error; then
    // put_back() has to be called.
    void replace();
    // All of the group are whole: the record forgets these.
    void close();
    // What was emptied gets its old data out of the safety backup again, whoever asks to stop. Throws Error;
    // then nobody may start on what lies there, and lost() tells how it comes back.
    void put_back();
    [[nodiscard]] std::string lost() const; // a sentence

private:
    struct Member {
        RestoreItem& item;
        RestoredItem& result;
    };
    void trust_safety(RestoreItem& item) const;
    void back_up(const std::vector<std::string>& names);
    void prove(const std::string& id, const std::vector<std::string>& names);
    void require_room();
    void fill(const Context& context, const Member& member, const std::string& backup,
              const catalog::ComponentRecord& archive, bool selinux_labels);
    void settle(const RestoredComponent& each, worker::Settling what);
    [[nodiscard]] catalog::ComponentRecord old_of(const Member& member) const;

    const Context& context_;
    RestoreObserver& observer_;
    Execution& execution_;
    const Host& host_;
    const PrivateKeys& keys_;
    const RestoreRequest& request_;
    RestoreRecords& records_;
    RestoreRecord& record_;
    std::vector<Member> members_;
};

} // namespace miraclemax::run
