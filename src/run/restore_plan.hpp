// What a restore would do: the same object is shown, agreed to, and carried out.
#pragma once

#include "catalog/catalog.hpp"
#include "error.hpp"
#include "run/examination.hpp"
#include "run/host.hpp"
#include "run/private_keys.hpp"
#include "run/restore_record.hpp"
#include "run/verify.hpp"

#include "quiesce/freeze_plan.hpp"

namespace miraclemax::run {

struct RestoreRequest {
    std::string backup;                  // id; empty: each component's newest good archive
    std::vector<std::string> components; // empty: all
    std::string into;                    // a new volume, beside the original
    std::string to;                      // a folder of the host, likewise: <to>/<component>
    std::string only;                    // just this path of the component, without a slash at its end
    bool selinux_labels = false;
    bool rollback_on_unhealthy = false;
    bool in_place = false; // where there is no room for both, instead of the old data
    Trust trust;
    KeyRequest keys;
    [[nodiscard]] bool beside() const { return !into.empty() || !to.empty(); }
};

struct RestoreItem {
    std::string id;   // of the backup
    std::string from; // when it was made, local time with offset
    catalog::ComponentRecord record;
    component::Component target; // where it goes; stopped like a component that asks for stop
    bool new_volume = false;     // podman has none of that name: it is made as the manifest says
    std::string refusal, remedy; // not empty: it can't be restored
    // Of find_room(). Not empty: restored in place, and why.
    std::string in_place{};
    bool emptied = false; // a run that was cut off has emptied it
    std::string safety{}; // id of the backup that holds its old data, once there is one
    std::optional<catalog::Archive> safeguard{}; // how that is, or will be, encrypted
    ExitCode refusal_code = ExitCode::failed;    // what a refusal ends with
};

struct RestoreGroup {
    component::Group group;
    quiesce::FreezePlan stop; // empty stages: nobody uses it
    std::vector<RestoreItem> items;
};

// What only backups older than the newest of the whole host hold: to be asked for by name.
struct LeftOut {
    std::string component, id, from; // the newest archive of it, as in RestoreItem
};
[[nodiscard]] std::string way_back(const LeftOut& left_out); // the command

struct RestorePlan {
    std::vector<RestoreGroup> groups; // critical first
    std::vector<std::string> warnings;
    std::vector<LeftOut> left_out; // each with a warning
    std::string no_podman;         // not empty: why nothing is known of the containers that use the data
    std::uint64_t stored = 0;      // bytes to read
    std::uint64_t content = 0;     // bytes to write
    [[nodiscard]] bool feasible() const; // nothing is refused
    [[nodiscard]] ExitCode code() const; // ok: feasible; destination before failed
};

// Throws Error (not_found) for a backup or component that isn't there, (usage) for wishes that contradict
// each other, (nothing) when the folder holds no backup.
RestorePlan plan_restore(const Host& host, const catalog::Catalog& catalog, const RestoreRequest& request);

// The archives of a plan, the oldest backup first: a backup of which it takes all is chosen as a whole.
[[nodiscard]] std::vector<Chosen> chosen_by(const RestorePlan& plan, const catalog::Catalog& catalog);

// The containers of a group as they are now, and how they would be stopped: everybody who uses the data,
// those that only read it too (a container keeps a mounted folder, and open files, as they were when it
// started).
void replan_stop(RestoreGroup& group, const Host& host);

// The component of a restore record as something to stop the users of.
component::Component target_of(const RestoredComponent& restored, const Host& host);

} // namespace miraclemax::run
