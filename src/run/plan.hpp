// What a backup would do: the same object is shown by `plan` and carried out by `backup`.
#pragma once

#include "catalog/catalog.hpp"
#include "run/host.hpp"
#include "run/keys.hpp"
#include "run/settings.hpp"

#include "quiesce/freeze_plan.hpp"

namespace miraclemax::run {

struct Request {
    std::vector<std::string> components; // empty: all
    bool full = false;                   // optional components too
    bool safety =
        false; // before they are replaced in place: what is excluded elsewhere too, it would be gone
};

struct PlannedComponent {
    component::Component component;
    bool encrypted = false;
    std::string refusal; // not empty: fails before it is read
    std::string remedy;
    std::string worker;                           // "child", "container"
    std::optional<catalog::ComponentRecord> last; // of the newest backup that holds it
};

struct PlannedGroup {
    component::Group group;
    quiesce::FreezePlan freeze;
    std::vector<PlannedComponent> members; // in the group's order
};

struct Plan {
    std::vector<PlannedGroup> groups;
    std::vector<component::Excluded> excluded; // left out by label, or optional without --full
    std::vector<component::Problem> problems;  // asked for, and can't be backed up
    std::vector<std::string> warnings;
    std::uint64_t expected_bytes = 0; // stored size of the last archives
    [[nodiscard]] bool empty() const { return groups.empty() && problems.empty(); }
};

// Throws Error (not_found) for a requested component that does not exist, naming those that do, and Error
// (nothing) with a guide when nothing at all is selected.
Plan make_plan(const Settings& settings, const Host& host, const Keys& keys, const catalog::Catalog* catalog,
               const Request& request);

// The freeze of a group on a host that was read anew, with the writers it has now.
PlannedGroup replan(const Settings& settings, const Host& host, const PlannedGroup& planned);

} // namespace miraclemax::run
