#include "run/in_place.hpp"

#include "run/backup.hpp"
#include "run/emptied.hpp"
#include "run/restore_place.hpp"
#include "run/unpacking.hpp"
#include "run/verify.hpp"

#include "store/backup_folder.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace miraclemax::run {
namespace {

constexpr const char* untouched = "nothing was touched; make room there, or restore to another place";

const catalog::ComponentRecord* find(const catalog::Manifest& manifest, const std::string& name) {
    for (const auto& each : manifest.components)
        if (each.name == name)
            return &each;
    return nullptr;
}

// What is emptied has to be what was backed up.
bool same_place(const catalog::ContentSource& was, const component::Source& is) {
    const bool volume = is.kind == component::Source::Kind::volume;
    return volume ? was.volume == is.volume && was.created_at == is.created_at
                  : was.volume.empty() && was.path == is.path;
}

std::string first_trouble(const VerifyResult& result) {
    for (const auto& each : result.backups) {
        if (!each.examination.faults.empty())
            return each.examination.faults.front().where + " " + each.examination.faults.front().what;
        for (const auto& rehearsal : each.rehearsals)
            if (rehearsal.outcome != Outcome::good)
                return rehearsal.component + ": " + rehearsal.trouble;
    }
    return "it is not there";
}

} // namespace

InPlace::InPlace(const Context& context, RestoreObserver& observer, Execution& execution, const Host& host,
                 const PrivateKeys& keys, const RestoreRequest& request, RestoreRecords& records,
                 RestoreRecord& record)
    : context_(context), observer_(observer), execution_(execution), host_(host), keys_(keys),
      request_(request), records_(records), record_(record) {}

void InPlace::settle(const RestoredComponent& each, worker::Settling what) {
    run::settle(context_.settings, context_.engine, host_, execution_.run(), record_, each, what);
}

// Damage that would show while the archive is unpacked shows here, where nothing has happened yet.
void InPlace::make_safe() {
    if (members_.empty())
        return;
    std::vector<std::string> names; // whose old data is in no safety backup yet
    for (const auto& member : members_) {
        const auto& item = member.item;
        const auto so_far = [&](const archive::Unpacked& all) { observer_.unpacking(item, all); };
        rehearse(context_, execution_.run(), host_, keys_, item.record, context_.settings.backups / item.id,
                 so_far);
        trust_safety(member.item);
        if (item.safety.empty())
            names.push_back(item.record.name);
    }
    if (!names.empty())
        back_up(names);
    require_room();
    for (const auto& member : members_) {
        find(record_, member.item.record.name).safety = member.item.safety;
        member.result.safety = member.item.safety;
    }
    records_.keep(record_);
}

// The plan is older than the lock: what it calls emptied may have been restored, and used, since.
void InPlace::trust_safety(RestoreItem& item) const {
    if (item.safety.empty())
        return;
    const auto now = emptied_at(RestoreRecords(context_.settings).all(), context_.settings, item.target);
    if (now && now->component.safety == item.safety)
        return;
    item.safety.clear();
    item.emptied = false;
}

void InPlace::back_up(const std::vector<std::string>& names) {
    BackupResult made;
    try {
        made = backup_under_lock(context_, {.components = names, .safety = true});
    } catch (const Error& error) {
        if (error.code() == ExitCode::interrupted || error.code() == ExitCode::not_released)
            throw;
        throw Error(error.code(), std::string("the safety backup could not be made: ") + error.what(),
                    error.remedy().empty() ? untouched : "nothing was touched; " + error.remedy());
    }
    if (made.code == ExitCode::not_released)
        throw Error(ExitCode::not_released, made.unreleased.front(), "run `miraclemax recover`");
    const auto& manifest = made.manifest;
    if (!manifest.failed.empty())
        throw Error(ExitCode::failed,
                    "the safety backup could not be made: " + manifest.failed.front().name + ": " +
                        manifest.failed.front().reason,
                    manifest.failed.front().remedy.empty()
                        ? untouched
                        : "nothing was touched; " + manifest.failed.front().remedy);
    if (made.code != ExitCode::ok || !made.published)
        throw Error(ExitCode::incomplete,
                    "the safety backup " + manifest.id +
                        " is not whole: " + "entries changed, could not be read or lie on another mount",
                    untouched);
    for (auto& member : members_) {
        const auto& name = member.item.record.name;
        if (std::find(names.begin(), names.end(), name) == names.end())
            continue;
        const auto* held = find(manifest, name);
        if (held == nullptr || !held->complete || !same_place(held->source, member.item.target.source))
            throw Error(ExitCode::failed,
                        "the safety backup " + manifest.id + " does not hold what " + name +
                            " is restored over",
                        untouched);
        member.item.safety = manifest.id;
    }
    prove(manifest.id, names);
}

void InPlace::prove(const std::string& id, const std::vector<std::string>& names) {
    store::BackupFolder folder(context_.settings.backups);
    folder.pin(id);
    try {
        VerifyRequest request{.ids = {id}, .depth = Depth::deep, .components = names, .keys = keys_};
        request.trust.unsigned_is_fine = !context_.settings.signing;
        const auto result = verify(
            context_.settings, request,
            [&](const auto& keys, const auto& record, const auto& backup, const auto& progress) {
                return rehearse(context_, execution_.run(), host_, keys, record, backup, progress);
            },
            {.examined = [&](const auto& name, auto bytes, auto of) { observer_.examining(name, bytes, of); },
             .rehearsed = {},
             .ended = {}},
            context_.stop);
        if (result.code() != ExitCode::ok)
            throw Error(result.code(),
                        "the safety backup " + id + " could not be proven: " + first_trouble(result),
                        "nothing was touched; `miraclemax verify " + id + " --deep` tells more");
    } catch (...) {
        folder.unpin(id);
        throw;
    }
}

catalog::ComponentRecord InPlace::old_of(const Member& member) const {
    const store::BackupFolder folder(context_.settings.backups, store::Use::reading);
    const auto record = catalog::Catalog(folder).find(member.item.safety);
    const auto* held = record.manifest ? find(*record.manifest, member.item.record.name) : nullptr;
    if (held == nullptr)
        throw Error(ExitCode::damaged,
                    "the safety backup " + member.item.safety + " holds no " + member.item.record.name);
    return *held;
}

// The safety backup may lie in the same file system; and what can't be emptied is to be told before.
void InPlace::require_room() {
    struct Sum {
        std::uint64_t free = 0, freed = 0, needed = 0;
        std::string names;
    };
    std::map<std::uint64_t, Sum> by_device;
    for (const auto& member : members_) {
        const auto space = room_at(context_.settings, context_.engine, host_, execution_.run(), record_,
                                   find(record_, member.item.record.name), context_.stop);
        const auto& fresh = member.item.record;
        auto& sum = by_device[space.device];
        sum.free = space.bytes;
        sum.needed += fresh.entries.bytes;
        sum.names += (sum.names.empty() ? "" : ", ") + fresh.name;
        if (member.item.emptied)
            continue; // what it still holds is not known, and goes
        const auto old = old_of(member);
        sum.freed += archive::room_for(old.entries.bytes, old.entries.entries);
    }
    for (const auto& [device, sum] : by_device)
        if (sum.freed > 0 && sum.needed > sum.free + sum.freed)
            throw Error(ExitCode::destination,
                        fmt::format("{}: {} bytes are needed, and without the old data too only {} are there",
                                    sum.names, sum.needed, sum.free + sum.freed),
                        untouched);
}

void InPlace::fill(const Context& context, const Member& member, const std::string& backup,
                   const catalog::ComponentRecord& archive, bool selinux_labels) {
    const auto each = find(record_, member.item.record.name);
    settle(each, worker::Settling::empty);
    Unpacking unpacking(context, execution_.run(), host_, keys_,
                        {.record = archive,
                         .backup = context.settings.backups / backup,
                         .store = true,
                         .emptied = true,
                         .options = {.only = {},
                                     .trusted_xattrs = context.settings.trusted_xattrs,
                                     .selinux_labels = selinux_labels},
                         .site = site_of(record_, each),
                         .placement = restore_placement(context.settings, host_, execution_.run(), each)});
    member.result.unpacked =
        unpacking.finish([&](const archive::Unpacked& so_far) { observer_.unpacking(member.item, so_far); });
    member.result.left_in_place = unpacking.swap();
    settle(each, worker::Settling::discard); // its old/ holds nothing
}

void InPlace::replace() {
    for (const auto& member : members_) {
        if (context_.stop.stop_requested())
            throw Error(ExitCode::interrupted, "interrupted before " + member.item.record.name);
        // On disk before the first byte goes.
        advance(records_, record_, member.item.record.name, Step::emptied);
        fill(context_, member, member.item.id, member.item.record, request_.selinux_labels);
        observer_.unpacked(member.item, member.result.unpacked);
    }
}

void InPlace::close() {
    if (members_.empty())
        return;
    auto without = record_;
    std::erase_if(without.components, [&](const RestoredComponent& each) {
        return each.step == Step::emptied &&
               std::any_of(members_.begin(), members_.end(),
                           [&](const Member& member) { return member.item.record.name == each.component; });
    });
    records_.keep(without); // in one write: a group is of one moment
    record_ = std::move(without);
}

void InPlace::put_back() {
    auto calm = context_;
    calm.stop = {};
    for (const auto& member : members_) {
        if (find(record_, member.item.record.name).step != Step::emptied)
            continue;
        fill(calm, member, member.item.safety, old_of(member), true);
        member.result.put_back = true;
    }
    close();
}

std::string InPlace::lost() const {
    for (const auto& each : record_.components)
        if (each.step == Step::emptied)
            return way_back(record_, each.safety) + "; its containers stay stopped until then";
    return "";
}

} // namespace miraclemax::run
