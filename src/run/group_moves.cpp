#include "run/group_moves.hpp"

#include "run/restore_place.hpp"

namespace miraclemax::run {

using archive::Holds;
using worker::Settling;

namespace {

constexpr std::size_t most_told = 10;

// The strays it tells of are on disk before the step after it: whoever goes on knows of them.
Holds settle_noting(const Settings& settings, podman::Engine& engine, const Host& host,
                    const std::string& run, RestoreRecords& records, RestoreRecord& record,
                    const std::string& component, Settling what, const std::stop_token& stop = {}) {
    const auto settler = run::settler(settings, engine, host, run, record, find(record, component), what);
    const auto holds = settler->finish(stop);
    if (find(record, component).strays == settler->strays())
        return holds;
    auto next = record;
    find(next, component).strays = settler->strays();
    find(next, component).strays_told = false;
    records.keep(next);
    record = std::move(next);
    return holds;
}

void close_record(RestoreRecords& records, RestoreRecord& record, const std::string& component) {
    if (find(record, component).strays.empty())
        forget(records, record, component);
    else
        advance(records, record, component, Step::strays);
}

} // namespace

Holds GroupMoves::act(const std::string& member, Settling what) {
    try {
        return settle_noting(settings_, engine_, host_, run_, records_, record_, member, what);
    } catch (const Error& error) {
        throw error.with(member);
    } catch (const std::exception& error) {
        throw Error(ExitCode::failed, error.what()).with(member);
    }
}

// Where there is no staging folder, the record alone tells: nothing has moved, or what was aside is gone.
Holds GroupMoves::settle(const std::string& member) {
    const auto holds = act(member, Settling::settle);
    if (holds != Holds::unknown)
        return holds;
    const auto step = find(record_, member).step;
    return step == Step::swapped || step == Step::undoing ? Holds::new_data : Holds::old_data;
}

// Throws for one whose old data is gone: it has no way back.
bool GroupMoves::on_new(const std::string& member) {
    const auto holds = act(member, Settling::settle);
    if (holds == Holds::unknown && find(record_, member).step == Step::swapped)
        throw Error(ExitCode::failed, member + ": what it held before the restore is no longer aside",
                    "remove " + (settings_.restores() / (record_.run + ".json")).string() +
                        ", then restore its whole group from one backup");
    return holds == Holds::new_data;
}

void GroupMoves::bring(const std::string& member, Holds wanted) {
    if (settle(member) != wanted)
        act(member, Settling::exchange);
}

void GroupMoves::give_back(const std::vector<std::string>& members) {
    std::vector<std::string> moved;
    for (const auto& member : members)
        if (on_new(member))
            moved.push_back(member);
    // Where none has, whatever is cut off from here on leaves the old data everywhere.
    if (!moved.empty())
        advance(records_, record_, members, Step::returning);
    for (const auto& member : moved)
        act(member, Settling::exchange);
    for (const auto& member : members) {
        if (find(record_, member).step == Step::returning)
            act(member, Settling::abandon);
        if (const auto& each = find(record_, member); each.made && each.strays.empty())
            advance(records_, record_, member, Step::staging); // whoever goes on removes its volume
        else
            close(member);
    }
}

void GroupMoves::close(const std::string& member) {
    close_record(records_, record_, member);
}

Undone GroupMoves::undo(const std::vector<std::string>& members, const std::string& acting,
                        const std::function<void()>& check) {
    try {
        advance(records_, record_, members, Step::undoing, acting);
    } catch (const Error& failure) {
        // Nothing has moved. But what failed may have reached the disk.
        return {.holds = Holds::new_data, .failure = withdrawn(members, failure)};
    }
    return all_exchanged(members, false, check);
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
    return all_exchanged(members, true, {});
}

Undone GroupMoves::all_exchanged(const std::vector<std::string>& members, bool anywhere,
                                 const std::function<void()>& check) {
    try {
        for (const auto& member : members)
            if (anywhere)
                bring(member, Holds::old_data);
            else
                exchange(member);
        if (check)
            check();
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

void drop_aside(const Settings& settings, podman::Engine& engine, const Host& host, const std::string& run,
                RestoreRecords& records, RestoreRecord& record, const std::string& component,
                const std::stop_token& stop) {
    if (find(record, component).step != Step::discarding)
        advance(records, record, component, Step::discarding, run);
    settle_noting(settings, engine, host, run, records, record, component, Settling::discard, stop);
    close_record(records, record, component);
}

void tell_strays(RestoreRecords& records, RestoreRecord& record,
                 const std::function<bool(const RestoredComponent&)>& tell) {
    auto next = record;
    bool any = false;
    for (auto& each : next.components)
        if (untold(each) && tell(each))
            any = each.strays_told = true;
    if (!any)
        return;
    try {
        records.keep(next);
        record = std::move(next);
    } catch (const Error&) { // the next recovery tells them again
    }
}

void warn_of_strays(const Context& context, RestoreRecords& records, RestoreRecord& record,
                    const std::vector<std::string>& members) {
    tell_strays(records, record, [&](const RestoredComponent& each) {
        if (std::find(members.begin(), members.end(), each.component) == members.end())
            return false;
        context.observer.warned(each.component + ": " + where_strays_lie(each));
        return true;
    });
}

std::string where_strays_lie(const RestoredComponent& each) {
    const std::filesystem::path root = each.path.empty() ? "volume " + each.volume : each.path;
    const auto folder = each.single ? root.parent_path() : root;
    std::string names;
    for (std::size_t i = 0; i < each.strays.size() && i < most_told; ++i)
        names += (i == 0 ? "" : ", ") + (folder / each.strays[i]).string();
    if (each.strays.size() > most_told)
        names += ", and more";
    return "what somebody made in it meanwhile is kept until `miraclemax restore --discard-old`: " + names;
}

} // namespace miraclemax::run
