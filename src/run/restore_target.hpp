// The place that a component is restored to, made where it isn't there.
#pragma once

#include "run/context.hpp"
#include "run/restore_plan.hpp"

namespace miraclemax::run {

// Makes a missing volume with the driver, labels and options that the manifest records (with --into: a plain
// one without labels, which would claim the component's name), and a missing folder. Throws Error.
RestoredComponent make_target(const Context& context, const std::string& run, const Host& host,
                              const RestoreItem& item, const RestoreRequest& request);

// The volume that make_target() made for a restore that failed goes, where nothing can go with it: a plain
// local one, still the same, that holds nothing and that no container has. Another is told to the observer:
// it bears the component's labels, and the next backup would take it for the component.
void unmake_target(const Context& context, const std::string& run, const Host& host,
                   const RestoredComponent& target);

} // namespace miraclemax::run
