#include "run/in_place_plan.hpp"

#include "run/emptied.hpp"
#include "run/execution.hpp"
#include "run/keys.hpp"
#include "run/plan.hpp"
#include "run/restore_place.hpp"
#include "run/unpacking.hpp"

#include "store/backup_folder.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace miraclemax::run {
namespace {

// podman's first mount of a volume spends what an image would copy into it; and it is empty.
bool never_mounted(const Host& host, const component::Source& source) {
    return source.plain() &&
           std::any_of(host.volumes.begin(), host.volumes.end(), [&](const podman::Volume& volume) {
               return volume.name == source.volume && volume.needs_copy_up && volume.needs_chown;
           });
}

class RoomFinder {
public:
    explicit RoomFinder(const Context& context)
        : context_(context), execution_(context), host_(survey(context.engine, context.self_id)) {
        record_.run = execution_.run();
    }
    ~RoomFinder() { execution_.close(); }
    RoomFinder(const RoomFinder&) = delete;
    RoomFinder& operator=(const RoomFinder&) = delete;

    void look_at(RestoreItem& item) {
        const auto& source = item.target.source;
        if (item.new_volume || !item.refusal.empty() || never_mounted(host_, source))
            return;
        const auto space = room_of(item);
        if (!space)
            return;
        auto& left = left_.emplace(space->device, *space).first->second;
        const auto needed = archive::room_for(item.record.entries.bytes, item.record.entries.entries);
        if (needed <= left.bytes && item.record.entries.entries <= left.inodes) {
            left.bytes -= needed; // the old data stays for now
            left.inodes -= left.inodes == UINT64_MAX ? 0 : item.record.entries.entries;
            return;
        }
        item.in_place = fmt::format("{} and {} entries need room, {} are free", worker::in_mebibytes(needed),
                                    item.record.entries.entries, worker::in_mebibytes(left.bytes));
        if (auto earlier =
                emptied_at(RestoreRecords(context_.settings).all(), context_.settings, item.target))
            take_over(item, earlier->component);
        else
            plan_safety(item);
    }

private:
    std::optional<archive::Space> room_of(const RestoreItem& item) {
        const auto& source = item.target.source;
        const RestoredComponent there{.component = item.record.name,
                                      .backup = item.id,
                                      .volume = source.volume,
                                      .volume_created_at = source.created_at,
                                      .path = source.path,
                                      .single = is_single_file(item.record),
                                      .only = {}};
        try {
            return room_at(context_.settings, context_.engine, host_, execution_.run(), record_, there,
                           context_.stop);
        } catch (const Error& error) {
            if (error.code() == ExitCode::interrupted)
                throw;
            return std::nullopt;
        }
    }

    // Its old data is in the safety backup of the run that was cut off.
    void take_over(RestoreItem& item, const RestoredComponent& earlier) {
        item.emptied = true;
        item.safety = earlier.safety;
        try {
            const store::BackupFolder folder(context_.settings.backups, store::Use::reading);
            const auto kept = catalog::Catalog(folder).find(earlier.safety);
            if (kept.manifest)
                for (const auto& each : kept.manifest->components)
                    if (each.name == item.record.name)
                        item.safeguard = each.archive;
        } catch (const Error& error) {
            if (error.code() != ExitCode::not_found)
                throw;
        }
    }

    void plan_safety(RestoreItem& item) {
        try {
            if (!keys_)
                keys_ = load_keys(context_.settings);
            const auto planned = make_plan(context_.settings, host_, *keys_, nullptr,
                                           {.components = {item.record.name}, .safety = true});
            if (!planned.problems.empty())
                return refuse(item, planned.problems.front().what, planned.problems.front().remedy);
            const auto& group = planned.groups.front();
            const auto& member = group.members.front();
            const auto& is = member.component.source;
            const auto& goes = item.target.source;
            if (is.kind != goes.kind || is.volume != goes.volume ||
                (is.volume.empty() && is.path != goes.path))
                return refuse(item, "the component of that name is another place now",
                              "restore it by --into or --to");
            if (!member.refusal.empty())
                return refuse(item, member.refusal, member.remedy);
            if (!group.freeze.refusals.empty())
                return refuse(item, group.freeze.refusals.front(), "see `miraclemax plan`");
            item.safeguard = catalog::Archive{};
            item.safeguard->encryption = !member.encrypted           ? "none"
                                         : keys_->passphrase.empty() ? "openpgp"
                                                                     : "passphrase";
            item.safeguard->recipients = keys_->fingerprints;
        } catch (const Error& error) {
            if (error.code() == ExitCode::interrupted || error.code() == ExitCode::podman)
                throw;
            refuse(item, error.what(), error.remedy());
        }
    }

    static void refuse(RestoreItem& item, const std::string& why, const std::string& remedy) {
        item.refusal =
            "there is no room for the old data and the new, and the old can't be backed up first: " + why;
        item.remedy = remedy;
    }

    const Context& context_;
    Execution execution_;
    Host host_;
    RestoreRecord record_{.run = {}, .at = {}, .components = {}};
    std::map<std::uint64_t, archive::Space> left_; // by device, when those before have been restored
    std::optional<Keys> keys_;
};

} // namespace

void find_room(const Context& context, RestorePlan& plan, const RestoreRequest& request) {
    if (!request.in_place)
        return;
    RoomFinder finder(context);
    for (auto& group : plan.groups)
        for (auto& item : group.items)
            finder.look_at(item);
}

bool any_in_place(const RestorePlan& plan) {
    return std::any_of(plan.groups.begin(), plan.groups.end(), [](const RestoreGroup& group) {
        return std::any_of(group.items.begin(), group.items.end(),
                           [](const RestoreItem& item) { return !item.in_place.empty(); });
    });
}

void require_safety_keys(const RestorePlan& plan, const PrivateKeys& keys) {
    for (const auto& group : plan.groups)
        for (const auto& item : group.items)
            if (!item.in_place.empty() && item.safeguard && !keys.opens(*item.safeguard))
                throw Error(ExitCode::key,
                            item.record.name + " is to be restored in place, and no private key is at hand "
                                               "that opens its safety backup",
                            "give it by --key FILE (`--key -` reads it from standard input: podman exec -i)");
}

} // namespace miraclemax::run
