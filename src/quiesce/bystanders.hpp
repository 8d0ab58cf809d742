// The writers of a group that are not frozen: whether one wrote while the group was read.
#pragma once

#include "component/group.hpp"

#include <map>
#include <optional>
#include <set>
#include <string>

namespace miraclemax::quiesce {

class Bystanders {
public:
    // A sentence when one runs, or was started since the first call (it may have written and ended). Those
    // that nothing is asked of (quiesce none) may do what they like. One that came, wrote, and was removed in
    // between is not seen.
    [[nodiscard]] std::optional<std::string> moved(const component::Group& group,
                                                   const std::vector<podman::Container>& containers,
                                                   const std::optional<std::string>& self_id,
                                                   const std::set<std::string>& frozen);

private:
    std::optional<std::map<std::string, std::string>> first_; // when they were started last, by container id
};

} // namespace miraclemax::quiesce
