#include "run/in_place_plan.hpp"

#include "run/emptied.hpp"
#include "run/keys.hpp"
#include "run/plan.hpp"
#include "run/recover.hpp"
#include "run/restore_room.hpp"

#include "store/backup_folder.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace miraclemax::run {
namespace {

class RoomFinder {
public:
    RoomFinder(const Context& context, const Host& host, const RestoreRequest& request)
        : context_(context), host_(host), request_(request), room_(context, host),
          cut_off_(awaits_recovery(context.settings)) {}

    void look_at(RestoreItem& item) {
        if (!item.refusal.empty())
            return;
        const auto space = room_.at(item, request_);
        if (!space)
            return;
        const auto& entries = item.record.entries;
        auto& left = left_.emplace(space->device, *space).first->second;
        const auto needed = archive::room_for(entries.bytes, entries.entries);
        if (needed <= left.bytes && entries.entries <= left.inodes) {
            left.bytes -= needed; // the old data stays for now
            left.inodes -= left.inodes == UINT64_MAX ? 0 : entries.entries;
            return;
        }
        const auto emptied =
            emptied_at(RestoreRecords(context_.settings).all(), context_.settings, item.target);
        if (!may_be_in_place(item)) {
            if (!emptied && !cut_off_) // else what lies there may go first: the unpacking looks again
                refuse_for_room(item, needed, left);
            return;
        }
        item.in_place = fmt::format("{} and {} entries need room, {} are free", worker::in_mebibytes(needed),
                                    entries.entries, worker::in_mebibytes(left.bytes));
        if (emptied)
            take_over(item, emptied->component);
        else
            plan_safety(item);
    }

private:
    [[nodiscard]] bool may_be_in_place(const RestoreItem& item) const {
        return request_.in_place && !item.new_volume && !never_mounted(host_, item.target.source);
    }

    // As the unpacking would, once the groups before this one were swapped.
    void refuse_for_room(RestoreItem& item, std::uint64_t needed, const archive::Space& left) const {
        item.refusal = needed > left.bytes
                           ? fmt::format("it needs {}, {} are left for it where it is restored to",
                                         worker::in_mebibytes(needed), worker::in_mebibytes(left.bytes))
                           : fmt::format("it needs {} inodes, {} are left for it where it is restored to",
                                         item.record.entries.entries, left.inodes);
        item.remedy = "make room there, or restore to another place";
        if (!request_.beside() && !item.new_volume)
            item.remedy = "make room there (the old data stays until the new is in its place), restore to "
                          "another place, or give --in-place: a safety backup first, then the new data "
                          "instead of the old";
        item.refusal_code = ExitCode::destination;
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
    const Host& host_;
    const RestoreRequest& request_;
    RestoreRoom room_;
    bool cut_off_;
    std::map<std::uint64_t, archive::Space> left_; // by device, when those before have been restored
    std::optional<Keys> keys_;
};

} // namespace

void find_room(const Context& context, const Host& host, RestorePlan& plan, const RestoreRequest& request) {
    if (!request.only.empty())
        return; // a part, whose size nobody knows
    RoomFinder finder(context, host, request);
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
