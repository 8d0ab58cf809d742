#include "run/settlement.hpp"

#include "error.hpp"
#include "run/emptied.hpp"
#include "run/group_moves.hpp"
#include "run/restore_place.hpp"
#include "run/restore_target.hpp"
#include "run/settling_window.hpp"

#include <algorithm>
#include <functional>
#include <map>
#include <set>

namespace miraclemax::run {
namespace {

// One dead restore, group by group. The settlers' sockets lie where a run's would.
class Settlement {
public:
    Settlement(const Settings& settings, podman::Engine& engine, const Host& host, RestoreRecords& records,
               RestoreRecord record, const Alive& alive, const std::stop_token& stop)
        : settings_(settings), engine_(engine), host_(host), records_(records), record_(std::move(record)),
          alive_(alive), stop_(stop), moves_(settings, engine, host, record_.run, records, record_) {}

    std::vector<Settled> operator()() {
        if (!record_.trouble.empty())
            return {{.run = record_.run, .component = "?", .what = record_.trouble, .ok = false}};
        std::error_code trouble;
        const auto control = settings_.control() / record_.run;
        std::filesystem::create_directories(settings_.control(), trouble);
        std::filesystem::create_directory(control, trouble);
        forget_gone();
        finish_discards();
        finish_undos();
        while (const auto group = next_group())
            settle_group(*group);
        tell_emptied();
        tell_of_strays();
        std::filesystem::remove_all(control, trouble);
        return std::move(settled_);
    }

private:
    using Names = std::vector<std::string>;
    using Group = std::vector<RestoredComponent>;

    bool dead(const RestoredComponent& each) const { return in_motion(each) && !in_hand(each); }
    bool in_hand(const RestoredComponent& each) const { return alive_(actor(record_, each)); }

    // It has no old or new data to be brought to: the others of its group go back to the old.
    bool emptied(const RestoredComponent& each) const { return each.step == Step::emptied && !in_hand(each); }
    bool with_emptied(const RestoredComponent& member) const {
        return std::any_of(record_.components.begin(), record_.components.end(),
                           [&](const auto& each) { return emptied(each) && together(each, member); });
    }

    // Who uses them is stopped, and stays so until they are restored.
    void tell_emptied() {
        Names names;
        const auto before = settled_.size();
        for (const auto& each : emptied_by_the_dead(settings_, alive_))
            if (each.run == record_.run) {
                settled_.push_back({.run = each.run,
                                    .component = each.component.component,
                                    .what = each.what,
                                    .ok = false,
                                    .holds_nobody_up = true});
                names.push_back(each.component.component);
            }
        if (names.empty())
            return;
        try {
            SettlingWindow window(settings_, engine_, host_, records_, record_, names, stop_);
            tell_beside(before, window.end());
        } catch (const std::exception& error) {
            tell_beside(before, std::string("; ") + error.what());
        }
    }

    // The root holds what it is to hold: only room is missing until they are done.
    void finish_discards() {
        for (const auto& each : std::vector(record_.components)) {
            if (each.step != Step::discarding || in_hand(each))
                continue;
            try {
                if (gone(host_, each))
                    forget(records_, record_, each.component);
                else
                    drop_aside(settings_, engine_, host_, record_.run, records_, record_, each.component);
                tell({each.component}, "keeps no old data aside any more");
            } catch (const std::exception& error) {
                settled_.push_back({.run = record_.run,
                                    .component = each.component,
                                    .what = std::string("is whole, but what lies aside of it could not be "
                                                        "removed yet: ") +
                                            error.what(),
                                    .ok = false,
                                    .holds_nobody_up = true});
            }
        }
    }

    // A name that is moved under somebody is moved for nobody.
    void while_idle(const Names& members, const std::function<void()>& act) {
        std::optional<SettlingWindow> window;
        if (!guarded(members,
                     [&] { window.emplace(settings_, engine_, host_, records_, record_, members, stop_); }))
            return;
        const auto before = settled_.size();
        act();
        tell_beside(before, window->end());
    }

    // Their groups are what is left of them.
    void forget_gone() {
        for (const auto& each : std::vector(record_.components))
            if (std::any_of(record_.components.begin(), record_.components.end(),
                            [&](const auto& other) {
                                return together(each, other) && (dead(other) || emptied(other));
                            }) &&
                gone(host_, each))
                guarded({each.component}, [&] {
                    forget(records_, record_, each.component);
                    tell({each.component}, "is gone, with its volume");
                });
    }

    // What one undo had in hand is marked in one write, and so is of one window, whatever was restored
    // together once.
    void finish_undos() {
        std::map<std::string, Names> undone;
        for (const auto& each : record_.components)
            if (each.step == Step::undoing && dead(each))
                undone[actor(record_, each)].push_back(each.component);
        for (const auto& [acting, members] : undone)
            while_idle(members, [&, &members = members] { guarded(members, [&] { finish_undo(members); }); });
    }

    void finish_undo(const Names& members) {
        const auto outcome = moves_.finish_undo(members);
        if (outcome.failure && outcome.holds == archive::Holds::old_data)
            throw Error(*outcome.failure);
        tell(members, outcome.holds == archive::Holds::old_data ? old_data : new_data);
    }

    static bool not_come_to(const RestoredComponent& each) {
        return each.step == Step::staging || each.step == Step::making;
    }

    // Each once.
    std::optional<Group> next_group() {
        for (const auto& first : record_.components)
            if (first.step != Step::undoing && (dead(first) || emptied(first)) &&
                seen_.insert(first.component).second) {
                Group group;
                for (const auto& each : record_.components)
                    if (together(each, first) && each.step != Step::undoing && each.step != Step::undone &&
                        each.step != Step::emptied && each.step != Step::discarding &&
                        each.step != Step::strays) {
                        group.push_back(each);
                        seen_.insert(each.component);
                    }
                return group;
            }
        return std::nullopt;
    }

    // Old or new, but all of one moment: the group whose swap was cut off between two members goes back.
    void settle_group(const Group& group) {
        if (group.empty())
            return;
        Names moved, staged;
        for (const auto& each : group)
            (not_come_to(each) ? staged : moved).push_back(each.component);
        if (moved.empty())
            for (const auto& member : staged)
                drop(member);
        else
            while_idle(moved, [&] { to_one_moment(group, moved); });
    }

    void to_one_moment(const Group& group, const Names& moved) {
        const bool back = with_emptied(group.front()) ||
                          std::any_of(group.begin(), group.end(),
                                      [](const auto& each) { return each.step == Step::returning; });
        if (!back) {
            const auto on_new = settle_swaps(group);
            if (!on_new || (*on_new == group.size()))
                return;
        }
        if (!guarded(moved, [&] { moves_.give_back(moved); }))
            return;
        for (const auto& each : group)
            if (const auto* entry = entry_of(record_, each.component);
                entry != nullptr && not_come_to(*entry))
                drop(each.component);
            else
                tell({each.component}, old_data);
    }

    // How many hold the new data; none where one can't be settled: until it is, the rest is as it is.
    std::optional<std::size_t> settle_swaps(const Group& group) {
        std::size_t on_new = 0;
        Names finished;
        bool all = true;
        for (const auto& each : group)
            if (each.step == Step::swapped)
                ++on_new;
            else if (each.step == Step::swapping)
                all = guarded({each.component},
                              [&] {
                                  if (moves_.settle(each.component) != archive::Holds::new_data)
                                      return;
                                  advance(records_, record_, each.component, Step::swapped);
                                  finished.push_back(each.component);
                                  ++on_new;
                              }) &&
                      all;
        if (!all)
            return std::nullopt;
        if (on_new == group.size())
            tell(finished, new_data);
        return on_new;
    }

    void drop(const std::string& member) {
        guarded({member}, [&] {
            const auto each = find(record_, member);
            if (each.step != Step::making)
                moves_.settle(member);
            if (each.made)
                return unmake(each);
            moves_.close(member);
            tell({member}, old_data);
        });
    }

    // A volume of no use is no reason for others not to run.
    void unmake(const RestoredComponent& each) {
        const auto name = "is not restored; its volume " + each.volume;
        try {
            const auto why = unmake_target(settings_, engine_, host_, record_.run, each);
            moves_.close(each.component);
            tell({each.component}, name + (why.empty() ? " is removed again" : " stays: " + why));
        } catch (const std::exception& error) {
            settled_.push_back({.run = record_.run,
                                .component = each.component,
                                .what = name + ", made for it, could not be removed yet: " + error.what(),
                                .ok = false,
                                .holds_nobody_up = true});
        }
    }

    void tell(const Names& members, const std::string& what, bool ok = true) {
        for (const auto& member : members)
            settled_.push_back({.run = record_.run, .component = member, .what = what, .ok = ok});
    }

    // Of those too that were in order before, or still aren't.
    void tell_of_strays() {
        tell_strays(records_, record_, [&](const RestoredComponent& each) {
            if (in_hand(each))
                return false;
            auto last = std::find_if(settled_.rbegin(), settled_.rend(),
                                     [&](const auto& told) { return told.component == each.component; });
            if (last == settled_.rend()) {
                tell({each.component}, "stays as it is");
                last = settled_.rbegin();
            }
            last->what += "; " + where_strays_lie(each);
            last->holds_nobody_up = last->holds_nobody_up || last->ok;
            last->ok = false;
            return true;
        });
    }

    bool guarded(const Names& members, const std::function<void()>& act) {
        try {
            act();
            return true;
        } catch (const Error& error) {
            tell(members, "could not be put in order: " + error.whole(), false);
        } catch (const std::exception& error) {
            tell(members, std::string("could not be put in order: ") + error.what(), false);
        }
        return false;
    }

    // To each that was told since.
    void tell_beside(std::size_t since, const std::string& what) {
        for (auto told = since; told < settled_.size(); ++told)
            settled_[told].what += what;
    }

    static constexpr const char* old_data = "holds the old data, whole";
    static constexpr const char* new_data =
        "holds the new data, whole; the old lies aside (`miraclemax restore --undo`)";

    const Settings& settings_;
    podman::Engine& engine_;
    const Host& host_;
    RestoreRecords& records_;
    RestoreRecord record_;
    const Alive& alive_;
    const std::stop_token& stop_;
    GroupMoves moves_;
    std::set<std::string> seen_;
    std::vector<Settled> settled_;
};

} // namespace

std::vector<Settled> settle_cut_off(const Settings& settings, podman::Engine& engine, const Host& host,
                                    RestoreRecords& records, std::vector<RestoreRecord> cut_off,
                                    const Alive& alive, const std::stop_token& stop) {
    std::vector<Settled> settled;
    for (auto& record : cut_off)
        for (auto& each : Settlement(settings, engine, host, records, std::move(record), alive, stop)())
            settled.push_back(std::move(each));
    return settled;
}

Settled in_other_hands() {
    return {.run = "?", .component = "?", .what = "is being put in order by another process", .ok = false};
}

} // namespace miraclemax::run
