// The place that a component is restored to, made where it isn't there.
#pragma once

#include "run/context.hpp"
#include "run/restore_plan.hpp"

namespace miraclemax::run {

// Makes a missing volume with the driver, labels and options that the manifest records (with --into: a plain
// one without labels, which would claim the component's name), and a missing folder. Throws Error.
RestoredComponent make_target(const Context& context, const std::string& run, const Host& host,
                              const RestoreItem& item, const RestoreRequest& request);

} // namespace miraclemax::run
