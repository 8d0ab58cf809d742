#include "run/emptied.hpp"

#include "run/restore_place.hpp"

#include "quiesce/journal.hpp"

#include <algorithm>

namespace miraclemax::run {
namespace {

bool dead(const Settings& settings, const RestoreRecord& record, const RestoredComponent& each) {
    return each.step == Step::emptied && !quiesce::alive(settings.journals(), actor(record, each));
}

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

std::vector<Emptied> emptied_by_the_dead(const Settings& settings) {
    std::vector<Emptied> all;
    for (const auto& record : RestoreRecords(settings).all())
        for (const auto& each : record.components) {
            if (!dead(settings, record, each))
                continue;
            std::vector<std::string> names; // its group comes back together
            for (const auto& other : record.components)
                if (other.safety == each.safety && dead(settings, record, other))
                    names.push_back(other.component);
            all.push_back(
                {.run = record.run,
                 .component = each,
                 .what = "was being restored in place when it was cut off; its old data is whole in "
                         "backup " +
                         each.safety + ": run `" + way_back(each.safety, names) + "`"});
        }
    return all;
}

std::optional<Emptied> emptied_by_the_dead(const Settings& settings, const component::Component& component) {
    auto all = emptied_by_the_dead(settings);
    for (auto each = all.rbegin(); each != all.rend(); ++each)
        if (is_there(each->component, component))
            return std::move(*each);
    return std::nullopt;
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
            if (each.component == component && dead(context.settings, record, each) && !gone(host, each))
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
            if (!asked(each) || !dead(context.settings, earlier, each))
                continue;
            for (const auto& now : std::vector(record.components))
                if (now.component == each.component && now.step == Step::swapped) {
                    settle(context.settings, context.engine, host, record.run, record, now,
                           worker::Settling::discard);
                    forget(records, record, now.component);
                }
            forget(records, earlier, each.component);
            any = true;
        }
    return any;
}

} // namespace miraclemax::run
