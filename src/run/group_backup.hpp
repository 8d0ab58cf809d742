// One group: prepare, freeze, read, release, finish.
#pragma once

#include "run/context.hpp"
#include "run/host.hpp"
#include "run/keys.hpp"
#include "run/plan.hpp"

#include "quiesce/journal.hpp"
#include "store/backup_folder.hpp"

namespace miraclemax::run {

struct GroupOutcome {
    std::vector<catalog::ComponentRecord> stored; // their files lie in the partial backup
    std::vector<catalog::FailedComponent> failed;
    bool released = true;   // false: a container could not be put back; its journal entry stays
    std::string unreleased; // and the sentence about it
};

// Reads the group into the partial backup. A failure is the group's or the component's own, and told in the
// outcome; only an interruption leaves by exception (Error, interrupted), with everything released.
GroupOutcome back_up_group(const Context& context, const std::string& run, const Host& planned_on,
                           const PlannedGroup& planned, const Keys& keys, quiesce::Journal& journal,
                           store::Partial& partial);

} // namespace miraclemax::run
