#include "quiesce/bystanders.hpp"

#include "quiesce/asked.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace miraclemax::quiesce {

using podman::State;

namespace {

// Empty: never. podman writes Go's zero time for that.
std::string started(const podman::Container& container) {
    return container.started_at.rfind("0001-01-01", 0) == 0 ? "" : container.started_at;
}

} // namespace

std::optional<std::string> Bystanders::moved(const component::Group& group,
                                             const std::vector<podman::Container>& containers,
                                             const std::optional<std::string>& self_id,
                                             const std::set<std::string>& frozen) {
    std::map<std::string, std::string> now;
    for (const auto& part : component::group(group.members, containers, self_id))
        for (const auto& writer : part.writers) {
            const auto container = std::find_if(containers.begin(), containers.end(),
                                                [&](const auto& one) { return one.id == writer.id; });
            if (container == containers.end() || frozen.count(writer.id) != 0 ||
                asked_of(*container, group).quiesce == component::Quiesce::none)
                continue;
            const auto names = fmt::format("{}", fmt::join(writer.components, ", "));
            if (container->state == State::running || container->state == State::stopping)
                return fmt::format("container {} writes to {} and is not frozen", writer.name, names);
            const auto at = started(*container);
            if (first_ && at != (first_->count(writer.id) != 0 ? first_->at(writer.id) : ""))
                return fmt::format("container {} was started while {} was read, and may have written to it",
                                   writer.name, names);
            now[writer.id] = at;
        }
    if (!first_)
        first_ = std::move(now);
    return std::nullopt;
}

} // namespace miraclemax::quiesce
