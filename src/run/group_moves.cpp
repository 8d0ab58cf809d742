#include "run/group_moves.hpp"

#include "run/restore_place.hpp"

#include <algorithm>

namespace miraclemax::run {

using archive::Holds;
using worker::Settling;

const RestoredComponent& GroupMoves::find(const std::string& member) const {
    for (const auto& each : record_.components)
        if (each.component == member)
            return each;
    throw Error(ExitCode::failed, "the record of run " + record_.run + " knows no component " + member);
}

Holds GroupMoves::act(const std::string& member, Settling what) {
    try {
        return run::settle(settings_, engine_, host_, run_, record_, find(member), what);
    } catch (const Error& error) {
        throw error.with(member);
    } catch (const std::exception& error) {
        throw Error(ExitCode::failed, error.what()).with(member);
    }
}

Holds GroupMoves::settle(const std::string& member) {
    return act(member, Settling::settle);
}

void GroupMoves::bring(const std::string& member, Holds wanted) {
    if (settle(member) != wanted)
        act(member, Settling::exchange);
}

void GroupMoves::give_back(const std::vector<std::string>& members) {
    std::vector<std::string> on_new;
    for (const auto& member : members)
        if (settle(member) == Holds::new_data)
            on_new.push_back(member);
    // Where none does, whatever is cut off from here on leaves the old data everywhere.
    if (!on_new.empty())
        advance(records_, record_, members, Step::returning);
    for (const auto& member : on_new)
        act(member, Settling::exchange);
    for (const auto& member : members) {
        if (find(member).step == Step::returning)
            act(member, Settling::discard);
        forget(records_, record_, member);
    }
}

Undone GroupMoves::undo(const std::vector<std::string>& members, const std::string& acting) {
    try {
        advance(records_, record_, members, Step::undoing, acting);
    } catch (const Error& failure) {
        // Nothing has moved. But what failed may have reached the disk.
        return {.holds = Holds::new_data, .failure = withdrawn(members, failure)};
    }
    return all_exchanged(members, false);
}

Error GroupMoves::withdrawn(const std::vector<std::string>& members, const Error& failure) {
    try {
        advance(records_, record_, members, Step::swapped);
    } catch (const Error&) {
        return failure; // a disk that takes no write has not taken the first either
    }
    return failure;
}

Undone GroupMoves::finish_undo(const std::vector<std::string>& members) {
    return all_exchanged(members, true);
}

Undone GroupMoves::all_exchanged(const std::vector<std::string>& members, bool anywhere) {
    try {
        for (const auto& member : members)
            if (anywhere)
                bring(member, Holds::old_data);
            else
                exchange(member);
    } catch (const Error& error) {
        return back_to_new(members, error);
    }
    try {
        advance(records_, record_, members, Step::undone);
    } catch (const Error& error) {
        return {.holds = Holds::old_data, .failure = error}; // whoever finds "undoing" finds nothing to do
    }
    return {};
}

// The application waits: nothing is asked that is known already.
void GroupMoves::exchange(const std::string& member) {
    try {
        act(member, Settling::exchange);
    } catch (const Error& error) {
        if (!holds_old(member))
            throw error;
    }
}

bool GroupMoves::holds_old(const std::string& member) {
    try {
        return settle(member) == Holds::old_data;
    } catch (const Error&) {
        return false; // what comes next settles it, or tells
    }
}

Undone GroupMoves::back_to_new(const std::vector<std::string>& members, const Error& failure) {
    try {
        for (const auto& member : members)
            bring(member, Holds::new_data);
        advance(records_, record_, members, Step::swapped);
    } catch (const Error& second) {
        throw Error(failure.code(),
                    std::string(failure.what()) +
                        "; and the restored data could not be put back: " + second.what(),
                    "run `miraclemax recover`");
    }
    return {.holds = Holds::new_data, .failure = failure};
}

} // namespace miraclemax::run
