// Containers, a plan and a journal for the tests of the window.
#pragma once

#include "quiesce/window.hpp"
#include "unit/quiesce/scene.hpp"

#include <gmock/gmock.h>

namespace miraclemax::quiesce {
using component::Quiesce;
using podman::State;
using std::chrono::milliseconds;
using testing::HasSubstr;
using Moment = fakes::FakeEngine::Moment;
using Calls = std::vector<std::string>;

struct WindowTest : testing::Test {
    Folder temp;
    fakes::FakeEngine engine;
    std::vector<component::Component> components;
    std::map<std::string, Hooks> hooks;
    std::optional<Journal> journal;
    std::stop_source interrupt;

    void SetUp() override { journal.emplace(temp.path(), "r1"); }
    std::string add(const std::string& name, Quiesce quiesce = Quiesce::automatic,
                    const std::vector<std::string>& needs = {}) {
        components.push_back(a_component(name, quiesce));
        auto container = a_container(name, name);
        container.dependencies = needs;
        return engine.add_container(container);
    }
    component::Group group() { return group_of(engine, components); }
    FreezePlan plan() {
        auto facts = facts_of(engine);
        facts.hooks = hooks;
        return plan_freeze(group(), facts);
    }
    // The Error of a freeze that must fail; everything is as before then.
    Error failure(Window& window) {
        try {
            window.freeze(interrupt.get_token());
        } catch (const Error& error) {
            EXPECT_TRUE(journal->open().empty());
            return error;
        }
        ADD_FAILURE() << "it froze";
        return {ExitCode::ok, ""};
    }
    void expect_all_running() {
        for (const auto& container : engine.containers())
            EXPECT_EQ(container.state, State::running) << container.name;
    }
};

} // namespace miraclemax::quiesce
