// Which archives a restore takes, and which it leaves out.
#pragma once

#include "catalog/catalog.hpp"
#include "run/restore_plan.hpp"

namespace miraclemax::run {

// A name once, where it was first.
[[nodiscard]] std::vector<std::string> unique(const std::vector<std::string>& names);

struct Choice {
    std::vector<RestoreItem> items; // without their targets
    std::vector<LeftOut> left_out;
    std::vector<std::string> warnings;
};

// The newest good archive of each component that the host consists of, or of those asked for; or what one
// backup holds of them. Throws Error as plan_restore() does.
[[nodiscard]] Choice choose_archives(const catalog::Catalog& catalog, const RestoreRequest& request);

} // namespace miraclemax::run
