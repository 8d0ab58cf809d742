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
    for (const auto& each : record.components) {
        if (each.step != Step::emptied || !wanted(each))
            continue;
        std::vector<std::string> names; // its group comes back together
        for (const auto& other : record.components)
            if (other.step == Step::emptied && other.safety == each.safety)
                names.push_back(other.component);
        found.push_back({.run = record.run,
                         .component = each,
                         .what = what + ("; its old data is whole in backup " + each.safety) + ": run `" +
                                 way_back(each.safety, names) + "`"});
    }
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

std::string way_back(const std::string& safety, const std::vector<std::string>& components) {
    std::string command = "miraclemax restore --from-backup " + safety;
    for (const auto& each : components)
        command += " --component " + each;
    return command + " --in-place --force";
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

std::optional<Emptied> emptied_at(const Settings& settings, const component::Component& component) {
    std::optional<Emptied> newest;
    for (const auto& record : RestoreRecords(settings).all()) { // oldest first
        const bool seems_alive = quiesce::alive(settings.journals(), record.run);
        for (auto& each : emptied(record, seems_alive ? not_over : cut_off,
                                  [&](const RestoredComponent& one) { return is_there(one, component); }))
            newest = std::move(each);
    }
    return newest;
}

archive::Space room_at(const Context& context, const Host& host, const std::string& run,
                       const RestoreRecord& record, const RestoredComponent& component) {
    const auto launcher = restore_launcher(context.settings, context.engine, host, restore_kind(host));
    const auto settler = launcher->settle({.component = component.component,
                                           .what = worker::Settling::room,
                                           .site = site_of(record, component),
                                           .folder = {}},
                                          restore_placement(context.settings, host, run, component));
    settler->finish(context.stop);
    return settler->space();
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
            for (const auto& now : std::vector(record.components))
                if (now.component == each.component && now.step == Step::swapped)
                    drop_aside(context.settings, context.engine, host, record.run, records, record,
                               now.component);
            forget(records, earlier, each.component);
            any = true;
        }
    return any;
}

} // namespace miraclemax::run
