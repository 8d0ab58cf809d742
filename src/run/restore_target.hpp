// The place that a component is restored to, made where it isn't there.
#pragma once

#include "run/context.hpp"
#include "run/restore_plan.hpp"

namespace miraclemax::run {

// The label of a volume that a restore made: the name of its run. It proves that the volume is ours, where
// the record has no time of its making.
inline constexpr const char* made_by = "miraclemax.run";
inline constexpr const char* not_ours = "it is not the one that was made";

struct Target {
    RestoredComponent component; // as it is on record
    bool made = false;           // the volume or the folder: nothing old was there
};

// Makes a missing volume with the driver, labels and options that the manifest records (with --into: a plain
// one without these labels, which would claim the component's name), and a missing folder. The record has the
// component then, and on disk, before there is a volume. Throws Error; with --to also (failed) where the
// folder holds something already.
Target make_target(const Context& context, const Host& host, const RestoreItem& item,
                   const RestoreRequest& request, const std::string& group, RestoreRecords& records,
                   RestoreRecord& record);

// The volume that `run` made for a restore that came to nothing goes, where nothing can go with it: a plain
// local one, still the same, that holds nothing and that no container has. Empty: there is none of its name
// any more. Else why it stays: "it holds something"; then it bears the component's labels, and the next
// backup may take it for the component. Throws Error.
std::string unmake_target(const Settings& settings, podman::Engine& engine, const Host& host,
                          const std::string& run, const RestoredComponent& target);

} // namespace miraclemax::run
