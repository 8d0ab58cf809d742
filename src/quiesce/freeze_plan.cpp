#include "quiesce/freeze_plan.hpp"

#include "error.hpp"
#include "quiesce/asked.hpp"
#include "quiesce/dependencies.hpp"
#include "quiesce/stop_safety.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace miraclemax::quiesce {

using component::Quiesce;
using podman::Container;
using podman::State;

namespace {

struct Candidate { // a running container that something is asked of
    const Container* container = nullptr;
    Asked asked;
    Act act = Act::none;
    std::string why;
};

class Planner {
public:
    Planner(const component::Group& group, const FreezeFacts& facts)
        : group_(group), facts_(facts), dependencies_(facts.containers) {
        plan_.group = group.name;
    }

    FreezePlan make() {
        for (const auto& member : group_.members)
            if (member.max_freeze && (!plan_.max_freeze || *member.max_freeze < *plan_.max_freeze))
                plan_.max_freeze = member.max_freeze;
        for (const auto& writer : group_.writers)
            consider(writer);
        for (const auto& candidate : candidates_)
            if (candidate.act == Act::stop)
                stopping_.insert(candidate.container->id);
        for (auto& candidate : candidates_)
            settle(candidate);
        add_stops();
        add_last_stage();
        return std::move(plan_);
    }

private:
    void refuse(const std::string& text) { plan_.refusals.push_back(text); }
    void note(const std::string& text) { plan_.notes.push_back(text); }

    void consider(const component::Writer& writer) {
        const auto found = std::find_if(facts_.containers.begin(), facts_.containers.end(),
                                        [&](const Container& one) { return one.id == writer.id; });
        if (found == facts_.containers.end())
            return note(fmt::format("{} is gone: nothing to freeze", writer.name));
        if (found->infra || (facts_.self_id && *facts_.self_id == found->id))
            return;
        try {
            consider(*found, asked_of(*found, group_));
        } catch (const Error& error) {
            refuse(fmt::format("{}{}{}", error.what(), error.remedy().empty() ? "" : ": ", error.remedy()));
        }
    }

    void consider(const Container& container, Asked asked) {
        const auto& name = container.name;
        if (asked.label_yields)
            note(fmt::format("label miraclemax.quiesce=none of container {} yields to {} ({})", name,
                             asked.by, component::name_of(asked.quiesce)));
        switch (container.state) {
        case State::running:
            return ask(container, std::move(asked));
        case State::paused:
            if (asked.quiesce == Quiesce::stop)
                return refuse(fmt::format("{} is to be stopped ({}), but it is paused: unpause it first",
                                          name, asked.by));
            return note(fmt::format("{} is paused already: it stays as it is", name));
        case State::stopping:
        case State::removing:
        case State::unknown:
            if (asked.quiesce != Quiesce::none)
                refuse(fmt::format("{} is {}: try again when it has settled", name,
                                   podman::name_of(container.state)));
            return;
        case State::created:
        case State::initialized:
        case State::stopped:
        case State::exited:
            return note(fmt::format("{} is not running: nothing to freeze", name));
        }
    }

    // What is asked, before it is held against what is safe.
    void ask(const Container& container, Asked asked) {
        Candidate candidate{.container = &container, .asked = std::move(asked), .why = {}};
        const bool pausable = !facts_.info.rootless || facts_.info.cgroup_version != "v1";
        const auto& quiesce = candidate.asked.quiesce;
        const auto mounts = fmt::format("mounts {}", fmt::join(candidate.asked.mounts, ", "));
        if (quiesce == Quiesce::stop) {
            candidate.act = Act::stop;
            candidate.why = "stop: " + candidate.asked.by;
        } else if (quiesce == Quiesce::automatic) {
            candidate.act = pausable ? Act::pause : Act::stop;
            candidate.why =
                pausable ? "pause: " + mounts : "stop: rootless podman can't pause with cgroup v1; " + mounts;
        } else if (quiesce == Quiesce::pause) {
            candidate.act = Act::pause;
            candidate.why = "pause: " + (candidate.asked.by.empty() ? mounts : candidate.asked.by);
            if (!pausable)
                refuse(fmt::format("{} is to be paused ({}), but rootless podman can't pause with cgroup v1",
                                   container.name, candidate.asked.by));
        } else {
            candidate.why = "none: " + candidate.asked.by;
            note(fmt::format("{} is not frozen ({})", container.name, candidate.asked.by));
        }
        candidates_.push_back(std::move(candidate));
    }

    void settle(const Candidate& candidate) {
        const auto& container = *candidate.container;
        const auto unsafe = unsafe_to_stop(container, facts_, dependencies_, stopping_);
        if (candidate.act == Act::pause && candidate.asked.quiesce == Quiesce::automatic)
            plan_.may_stop[container.id] = !unsafe;
        if (candidate.act != Act::stop)
            return;
        if (unsafe)
            return refuse(
                fmt::format("{} can't be stopped ({}): {}", container.name, candidate.why, *unsafe));
        for (const auto& effect : effects_of_stop(container, facts_, dependencies_, stopping_))
            note(effect);
    }

    [[nodiscard]] Step step(const Candidate& candidate) const {
        const auto& container = *candidate.container;
        Step step{.id = container.id,
                  .name = container.name,
                  .act = candidate.act,
                  .stop_timeout = container.stop_timeout,
                  .unit = unit_of(container),
                  .started_at = container.started_at,
                  .before = {},
                  .after = {},
                  .why = candidate.why};
        if (const auto hooks = facts_.hooks.find(container.id); hooks != facts_.hooks.end()) {
            step.before = hooks->second.before;
            step.after = hooks->second.after;
            step.hook_timeout = hooks->second.timeout;
        }
        return step;
    }

    void add_stops() {
        const auto order = dependencies_.stop_order(stopping_);
        for (const auto& ids : order.stages) {
            std::vector<Step> stage;
            for (const auto& candidate : candidates_) // sorted by name, as the writers are
                if (std::count(ids.begin(), ids.end(), candidate.container->id) != 0)
                    stage.push_back(step(candidate));
            if (order.cycle && &ids == &order.stages.back()) {
                std::vector<std::string> names;
                for (const auto& one : stage)
                    names.push_back(one.name);
                note(fmt::format("{} depend on each other in a circle: they are stopped together",
                                 fmt::join(names, ", ")));
            }
            plan_.stages.push_back(std::move(stage));
        }
    }

    // Pauses, and those that only hooks run for.
    void add_last_stage() {
        std::vector<Step> stage;
        for (const auto& candidate : candidates_) {
            auto one = step(candidate);
            if (one.act == Act::pause || (one.act == Act::none && !(one.before.empty() && one.after.empty())))
                stage.push_back(std::move(one));
        }
        if (!stage.empty())
            plan_.stages.push_back(std::move(stage));
    }

    const component::Group& group_;
    const FreezeFacts& facts_;
    Dependencies dependencies_;
    FreezePlan plan_;
    std::vector<Candidate> candidates_;
    std::set<std::string> stopping_;
};

} // namespace

const char* name_of(Act act) {
    switch (act) {
    case Act::none:
        return "none";
    case Act::pause:
        return "pause";
    case Act::stop:
        break;
    }
    return "stop";
}

std::vector<std::string> FreezePlan::frozen() const {
    std::vector<std::string> names;
    for (const auto& stage : stages)
        for (const auto& step : stage)
            if (step.act != Act::none)
                names.push_back(step.name);
    return names;
}

FreezePlan plan_freeze(const component::Group& group, const FreezeFacts& facts) {
    return Planner(group, facts).make();
}

} // namespace miraclemax::quiesce
