#include "run/restore.hpp"

#include "run/emptied.hpp"
#include "run/group_health.hpp"
#include "run/group_restore.hpp"
#include "run/unpacking.hpp"

#include <algorithm>

namespace miraclemax::run {
namespace {

void add(RestoreResult& result, GroupRestored restored) {
    for (auto& item : restored.items) {
        if (!item.ok() && result.code == ExitCode::ok)
            result.code = restored.code == ExitCode::ok ? ExitCode::failed : restored.code;
        if (item.ok() && item.unpacked.withheld.any() && result.code == ExitCode::ok)
            result.code = ExitCode::incomplete;
        if (item.ok() && !item.left_in_place.empty() && result.code == ExitCode::ok)
            result.code = ExitCode::incomplete;
        result.items.push_back(std::move(item));
    }
    result.downtimes.push_back(std::move(restored.downtime));
    if (!restored.released)
        result.unreleased.push_back(std::move(restored.unreleased));
}

std::vector<component::Component> targets_of(const RestoreGroup& group,
                                             const std::vector<std::string>& components) {
    std::vector<component::Component> targets;
    for (const auto& item : group.items)
        if (std::find(components.begin(), components.end(), item.record.name) != components.end())
            targets.push_back(item.target);
    return targets;
}

} // namespace

RestoreResult rehearse_all(const Context& context, RestoreObserver& observer, const RestorePlan& plan,
                           const PrivateKeys& keys, const RestoreRequest& request) {
    Execution execution(context);
    const Host host = survey(context);
    RestoreResult result{.run = execution.run()};
    for (const auto& group : plan.groups)
        for (const auto& item : group.items) {
            RestoredItem done{.component = item.record.name,
                              .id = item.id,
                              .unpacked = {},
                              .left_in_place = {},
                              .failure = {},
                              .remedy = {}};
            try {
                done.unpacked = rehearse(
                    context, execution.run(), host, keys, item.record, context.settings.backups / item.id,
                    [&](const archive::Unpacked& so_far) { observer.unpacking(item, so_far); }, request.only);
                observer.unpacked(item, done.unpacked);
            } catch (const Error& error) {
                if (error.code() == ExitCode::interrupted)
                    throw;
                done.failure = error.what();
                done.remedy = error.remedy();
                if (result.code == ExitCode::ok)
                    result.code = error.code();
            }
            result.items.push_back(std::move(done));
        }
    execution.close();
    return result;
}

RestoreResult restore(const Context& context, RestoreObserver& observer, RestorePlan plan,
                      const PrivateKeys& keys, const RestoreRequest& request) {
    Execution execution(context);
    RestoreRecords records(context.settings);
    RestoreRecord record{.run = execution.run(),
                         .at = local_time(std::chrono::system_clock::now()),
                         .components = {},
                         .began = std::chrono::duration_cast<std::chrono::nanoseconds>(
                                      std::chrono::system_clock::now().time_since_epoch())
                                      .count(),
                         .no_podman = !context.no_podman.empty()};
    RestoreResult result{.run = execution.run()};
    std::string stuck;
    const Host first = survey(context);
    for (auto& group : plan.groups) {
        const Host host = look_again(context.engine, first);
        auto restored =
            restore_group(context, observer, execution, host, group, keys, request, records, record);
        Awaited awaited{.stopped = restored.stopped, .unstarted = restored.unstarted, .components = {}};
        for (const auto& item : restored.items)
            if (item.ok())
                awaited.components.push_back(item.component);
        const bool released = restored.released;
        add(result, std::move(restored));
        if (request.only.empty() && // a part of it mends nothing
            close_earlier(context, host, records, record, targets_of(group, awaited.components)))
            stuck = start_the_waiting(context);
        if (released && !awaited.components.empty())
            await_group(context, observer, execution, request, records, record, awaited, result);
    }
    if (context.no_podman.empty()) // the data may be what they waited for
        stuck = start_the_waiting(context);
    if (!stuck.empty())
        result.unreleased.push_back(std::move(stuck));
    if (!result.unreleased.empty())
        result.code = ExitCode::not_released;
    execution.close();
    return result;
}

} // namespace miraclemax::run
