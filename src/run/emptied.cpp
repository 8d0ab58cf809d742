#include "run/emptied.hpp"

#include "run/group_moves.hpp"
#include "run/restore_place.hpp"

#include "quiesce/journal.hpp"

#include <algorithm>

namespace miraclemax::run {
namespace {

// The caller holds the backup folder's lock: a run that is not its own can't be at it any more.
bool emptied_before(const RestoreRecord& record, const RestoredComponent& each, const std::string& run) {
    return each.step == Step::emptied && record.run != run;
}

std::vector<Emptied> emptied(const RestoreRecord& record, const char* what,
                             const std::function<bool(const RestoredComponent&)>& wanted) {
    std::vector<Emptied> found;
    for (const auto& each : record.components)
        if (each.step == Step::emptied && wanted(each))
            found.push_back({.run = record.run,
                             .component = each,
                             .what = std::string(what) + "; " + way_back(record, each.safety)});
    return found;
}

constexpr const char* cut_off = "was being restored in place when it was cut off";
constexpr const char* not_over = "is being restored in place, or that was cut off";

bool is_there(const RestoredComponent& each, const component::Component& component) {
    const auto& source = component.source;
    return each.component == component.name && each.volume == source.volume &&
           (!each.volume.empty() || each.path == source.path);
}

} // namespace

std::string way_back(const RestoreRecord& record, const std::string& safety) {
    std::string names;
    for (const auto& each : record.components)
        if (each.step == Step::emptied && each.safety == safety)
            names += " --component " + each.component;
    return "its old data is whole in backup " + safety + ": run `miraclemax restore --from-backup " + safety +
           names + " --in-place --force`";
}

std::vector<Emptied> emptied_by_the_dead(const Settings& settings, const Alive& alive) {
    std::vector<Emptied> all;
    for (const auto& record : RestoreRecords(settings).all())
        for (auto& each : emptied(record, cut_off, [&](const RestoredComponent& component) {
                 const auto run = actor(record, component);
                 return !(alive ? alive(run) : quiesce::alive(settings.journals(), run));
             }))
            all.push_back(std::move(each));
    return all;
}

std::optional<Emptied> emptied_at(const std::vector<RestoreRecord>& records, const Settings& settings,
                                  const component::Component& component) {
    const auto here = [&](const RestoredComponent& each) { return is_there(each, component); };
    for (auto record = records.rbegin(); record != records.rend(); ++record) {
        auto found = emptied(*record, cut_off, here);
        if (found.empty())
            continue;
        if (quiesce::alive(settings.journals(), record->run))
            found = emptied(*record, not_over, here);
        return std::move(found.back());
    }
    return std::nullopt;
}

void sweep_earlier(const Context& context, const Host& host, const std::string& run,
                   const std::string& component) {
    for (const auto& record : RestoreRecords(context.settings).all())
        for (const auto& each : record.components)
            if (each.component == component && emptied_before(record, each, run) && !gone(host, each))
                settle(context.settings, context.engine, host, run, record, each, worker::Settling::sweep,
                       context.stop);
}

bool close_earlier(const Context& context, const Host& host, RestoreRecords& records, RestoreRecord& record,
                   const std::vector<component::Component>& restored) {
    const auto asked = [&](const RestoredComponent& each) {
        return std::any_of(restored.begin(), restored.end(),
                           [&](const auto& component) { return is_there(each, component); });
    };
    bool any = false;
    for (auto& earlier : records.all())
        for (const auto& each : std::vector(earlier.components)) {
            if (!asked(each) || !emptied_before(earlier, each, record.run))
                continue;
            if (const auto* now = entry_of(record, each.component);
                now != nullptr && now->step == Step::swapped)
                drop_aside(context.settings, context.engine, host, record.run, records, record,
                           each.component);
            forget(records, earlier, each.component);
            any = true;
        }
    return any;
}

} // namespace miraclemax::run
