// The archives of a restore, proven before anything is touched; and what is still to be had where one is bad.
#include "run/restore.hpp"
#include "run/restore_choice.hpp"
#include "run/witness.hpp"

#include "store/backup_folder.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace miraclemax::run {
namespace {

// The plan was made of a manifest that nobody had proven yet, and was shown for as long as somebody thought
// about it.
void require_same(const RestorePlan& plan, const std::string& id, const catalog::Manifest& proven) {
    const auto text = [](const catalog::ComponentRecord& record) {
        catalog::Manifest one;
        one.components = {record};
        return catalog::to_json(one);
    };
    for (const auto& group : plan.groups)
        for (const auto& item : group.items) {
            const auto same = [&](const catalog::ComponentRecord& each) {
                return each.name == item.record.name && text(each) == text(item.record);
            };
            if (item.id == id && std::none_of(proven.components.begin(), proven.components.end(), same))
                throw Error(ExitCode::damaged,
                            "the manifest of " + id + " changed since the plan was made of it",
                            "run it again, and see who writes to the backup folder");
        }
}

using Faulty = std::map<std::string, Examination>; // by backup

bool is_good(const RestoreItem& item, const Faulty& faulty) {
    const auto found = faulty.find(item.id);
    return found == faulty.end() ||
           std::none_of(found->second.faults.begin(), found->second.faults.end(), [&](const Fault& fault) {
               return fault.component.empty() || fault.component == item.record.name;
           });
}

std::string options_for(const std::string& id, const std::vector<std::string>& components) {
    std::string text = "`--from-backup " + id;
    for (const auto& each : components)
        text += " --component " + each;
    return text + "`";
}

bool holds_whole(const catalog::Record& record, const std::vector<std::string>& components) {
    if (!record.manifest || record.manifest->safety)
        return false;
    const auto& held = record.manifest->components;
    return std::all_of(components.begin(), components.end(), [&](const auto& name) {
        return std::any_of(held.begin(), held.end(),
                           [&](const auto& each) { return each.name == name && each.complete; });
    });
}

// The newest backup before those of the items that holds them all whole; empty: there is none. `records`: the
// oldest first.
std::string next_older(const std::vector<catalog::Record>& records, const std::vector<RestoreItem>& items) {
    const auto first = std::find_if(records.begin(), records.end(), [&](const auto& record) {
        return std::any_of(items.begin(), items.end(),
                           [&](const RestoreItem& item) { return item.id == record.id; });
    });
    std::vector<std::string> names;
    for (const auto& item : items)
        names.push_back(item.record.name);
    const auto found = std::find_if(std::make_reverse_iterator(first), records.rend(),
                                    [&](const auto& record) { return holds_whole(record, names); });
    return found == records.rend() ? "" : found->id;
}

// What is restored together is of one moment: of a group with a bad member all come from before.
std::string way_out(const std::vector<catalog::Record>& records, const RestorePlan& plan,
                    const Faulty& faulty) {
    std::map<std::string, std::vector<std::string>> whole; // components by backup
    std::string older;
    for (const auto& group : plan.groups) {
        std::vector<std::string> names;
        for (const auto& item : group.items)
            names.push_back(item.record.name);
        if (std::all_of(group.items.begin(), group.items.end(),
                        [&](const RestoreItem& item) { return is_good(item, faulty); })) {
            for (const auto& item : group.items)
                whole[item.id].push_back(item.record.name);
            continue;
        }
        const auto id = next_older(records, group.items);
        const auto what = fmt::format("{}", fmt::join(names, ", "));
        older += id.empty() ? "; no older backup holds " + what
                            : "; " + what + " from before: " + options_for(id, names);
    }
    std::string text;
    for (const auto& [id, names] : whole)
        text += "; whole: " + options_for(id, names);
    return text + older;
}

Error refusal(const store::BackupFolder& folder, const RestorePlan& plan, const Faulty& faulty) {
    std::string text;
    auto code = ExitCode::ok;
    for (const auto& [id, examined] : faulty) {
        const auto& fault = examined.faults.front();
        text += (text.empty() ? "backup " : "; backup ") + id + ": " + fault.where + " " + fault.what;
        code = worse(code, examined.code(), {ExitCode::damaged, ExitCode::untrusted});
    }
    return {code, text,
            "nothing was touched; `miraclemax verify " + faulty.begin()->first + "` names every fault" +
                way_out(catalog::Catalog(folder).records(), plan, faulty)};
}

} // namespace

void prove(const Context& context, RestoreObserver& observer, const RestorePlan& plan, const Trust& trust,
           bool ask_the_disk) {
    const store::BackupFolder folder(context.settings.backups, store::Use::reading);
    std::map<std::string, std::vector<std::string>> wanted; // components by backup
    for (const auto& group : plan.groups)
        for (const auto& item : group.items)
            wanted[item.id].push_back(item.record.name);
    const Witness witness(context.settings, trust);
    Faulty faulty;
    for (const auto& [id, components] : wanted) {
        auto examined =
            examine(folder, id, witness,
                    {.components = components,
                     .progress = [&, name = id](std::uint64_t bytes,
                                                std::uint64_t of) { observer.examining(name, bytes, of); },
                     .stop = context.stop,
                     .ask_the_disk = ask_the_disk});
        std::erase_if(examined.faults, [&](const Fault& fault) {
            if (fault.of_chain) // a neighbour's: the files of this one are what was signed
                context.observer.warned("backup " + id + ": " + fault.where + " " + fault.what);
            return fault.of_chain;
        });
        if (examined.good())
            require_same(plan, id, *examined.manifest);
        else if (examined.code() == ExitCode::untrusted && examined.signature != Signature::bad)
            throw Error(examined.code(),
                        "backup " + id + ": " + examined.faults.front().where + " " +
                            examined.faults.front().what,
                        "compare the fingerprint with the one you kept, then give it: --signer FINGERPRINT "
                        "(--unsigned restores it unproven)");
        else
            faulty.emplace(id, std::move(examined));
    }
    if (!faulty.empty())
        throw refusal(folder, plan, faulty);
}

} // namespace miraclemax::run
