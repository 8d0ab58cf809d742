#include "quiesce/freeze_plan.hpp"

#include "unit/quiesce/scene.hpp"

#include <gmock/gmock.h>

namespace miraclemax::quiesce {
namespace {

using component::Quiesce;
using podman::State;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

struct FreezePlanTest : testing::Test {
    fakes::FakeEngine engine;
    std::vector<component::Component> components;

    std::string add(const std::string& name, Quiesce quiesce,
                    const std::function<void(podman::Container&)>& change = nullptr) {
        components.push_back(a_component(name, quiesce));
        auto container = a_container(name, name);
        if (change)
            change(container);
        return engine.add_container(container);
    }
    FreezePlan plan(const std::function<void(FreezeFacts&)>& change = nullptr) {
        auto facts = facts_of(engine);
        if (change)
            change(facts);
        return plan_freeze(group_of(engine, components, facts.self_id), facts);
    }
};

TEST_F(FreezePlanTest, AutoMeansPauseAndMayStop) {
    const auto id = add("db", Quiesce::automatic);
    const auto made = plan();
    EXPECT_EQ(shape_of(made), "pause db");
    EXPECT_THAT(made.refusals, IsEmpty());
    EXPECT_TRUE(made.may_stop.at(id));
    EXPECT_EQ(made.stages[0][0].why, "pause: mounts db");
}

TEST_F(FreezePlanTest, StrongestOfLabelAndComponentsWins) {
    add("a", Quiesce::none);
    add("b", Quiesce::pause, [](auto& c) { c.labels["miraclemax.quiesce"] = "stop"; });
    add("c", Quiesce::stop, [](auto& c) { c.labels["miraclemax.quiesce"] = "none"; });
    add("d", Quiesce::none, [](auto& c) { c.labels["miraclemax.quiesce"] = "auto"; });
    const auto made = plan();
    EXPECT_EQ(shape_of(made), "stop b, stop c | pause d");
    EXPECT_THAT(all_of(made.notes), HasSubstr("container c yields to component c (stop)"));
    EXPECT_THAT(all_of(made.notes), HasSubstr("a is not frozen (component a)"));
}

TEST_F(FreezePlanTest, WrongLabelIsARefusalThatNamesIt) {
    add("db", Quiesce::automatic, [](auto& c) { c.labels["miraclemax.quiesce"] = "freeze"; });
    EXPECT_THAT(all_of(plan().refusals), HasSubstr("miraclemax.quiesce of container db"));
}

TEST_F(FreezePlanTest, OnlyRunningOnesAreFrozen) {
    for (const State state : {State::created, State::initialized, State::stopped, State::exited}) {
        fakes::FakeEngine other;
        auto container = a_container("db", "db");
        container.state = state;
        other.add_container(container);
        const auto made = plan_freeze(group_of(other, {a_component("db", Quiesce::stop)}), facts_of(other));
        EXPECT_TRUE(made.empty()) << name_of(state);
        EXPECT_THAT(made.refusals, IsEmpty()) << name_of(state);
        EXPECT_THAT(all_of(made.notes), HasSubstr("not running")) << name_of(state);
    }
}

TEST_F(FreezePlanTest, PausedStaysPausedAndRefusesAStop) {
    add("a", Quiesce::automatic, [](auto& c) { c.state = State::paused; });
    EXPECT_TRUE(plan().empty());
    EXPECT_THAT(plan().refusals, IsEmpty());
    add("b", Quiesce::stop, [](auto& c) { c.state = State::paused; });
    EXPECT_THAT(all_of(plan().refusals), HasSubstr("b is to be stopped"));
}

TEST_F(FreezePlanTest, StoppingAndRemovingAreRefused) {
    add("a", Quiesce::automatic, [](auto& c) { c.state = State::stopping; });
    add("b", Quiesce::automatic, [](auto& c) { c.state = State::removing; });
    EXPECT_EQ(plan().refusals.size(), 2U);
}

TEST_F(FreezePlanTest, AutoRemoveIsPausedNeverStopped) {
    const auto id = add("a", Quiesce::automatic, [](auto& c) { c.auto_remove = true; });
    EXPECT_EQ(shape_of(plan()), "pause a");
    EXPECT_FALSE(plan().may_stop.at(id));
    add("b", Quiesce::stop, [](auto& c) {
        c.auto_remove = true;
        c.labels["PODMAN_SYSTEMD_UNIT"] = "b.service";
    });
    EXPECT_THAT(all_of(plan().refusals), HasSubstr("b.service"));
}

TEST_F(FreezePlanTest, UnitLabelAloneIsNoReason) {
    add("a", Quiesce::stop, [](auto& c) { c.labels["PODMAN_SYSTEMD_UNIT"] = "podman-compose@x.service"; });
    EXPECT_THAT(plan().refusals, IsEmpty());
    EXPECT_EQ(plan().stages[0][0].unit, "podman-compose@x.service");
}

TEST_F(FreezePlanTest, TmpfsVolumeForbidsAStop) {
    auto volume = a_volume("cache");
    volume.options["type"] = "tmpfs";
    engine.add_volume(volume);
    add("db", Quiesce::stop, [](auto& c) {
        c.mounts.push_back({.type = "volume", .name = "cache", .source = "/vol/cache/_data"});
    });
    EXPECT_THAT(all_of(plan().refusals), HasSubstr("cache is a tmpfs"));
}

TEST_F(FreezePlanTest, NetworkNamespaceUserForbidsAStopUnlessItStopsToo) {
    const auto id = add("vpn", Quiesce::stop);
    add("client", Quiesce::pause, [&](auto& c) { c.network_mode = "container:" + id; });
    EXPECT_THAT(all_of(plan().refusals), HasSubstr("client uses its network"));
    components.back().quiesce = Quiesce::stop;
    EXPECT_THAT(plan().refusals, IsEmpty());
    EXPECT_EQ(shape_of(plan()), "stop client | stop vpn");
}

TEST_F(FreezePlanTest, WhatTheSidecarDependsOnIsNotStopped) {
    const auto db = add("db", Quiesce::stop);
    const auto app = engine.add_container({.name = "app", .dependencies = {db}});
    const auto self = engine.add_container({.name = "sidecar", .dependencies = {app}});
    const auto made = plan([&](auto& facts) { facts.self_id = self; });
    EXPECT_THAT(all_of(made.refusals), HasSubstr("the sidecar depends on it"));
}

TEST_F(FreezePlanTest, TheSidecarItselfIsNeverFrozen) {
    const auto self = add("sidecar", Quiesce::stop);
    auto group = group_of(engine, components); // as if it had slipped in
    auto facts = facts_of(engine);
    facts.self_id = self;
    EXPECT_TRUE(plan_freeze(group, facts).empty());
}

TEST_F(FreezePlanTest, DependentsStopBeforeWhatTheyNeedPausesLast) {
    const auto db = add("db", Quiesce::stop);
    const auto between = engine.add_container({.name = "between", .dependencies = {db}}); // writes nothing
    add("app", Quiesce::stop, [&](auto& c) { c.dependencies = {between}; });
    add("cache", Quiesce::automatic);
    add("zed", Quiesce::stop);
    const auto made = plan();
    EXPECT_EQ(shape_of(made), "stop app, stop zed | stop db | pause cache");
    EXPECT_THAT(all_of(made.notes), HasSubstr("between depends on db and goes on"));
}

TEST_F(FreezePlanTest, ComposeLabelsAreEdges) {
    const auto compose = [](const std::string& service, const std::string& needs, const char* project) {
        return [=](podman::Container& c) {
            c.labels["com.docker.compose.service"] = service;
            c.labels["io.podman.compose.project"] = project;
            c.labels["com.docker.compose.depends_on"] = needs;
        };
    };
    add("p-db", Quiesce::stop, compose("db", "", "p"));
    add("p-app", Quiesce::stop, compose("app", "cache:service_started:true,db:service_healthy:false", "p"));
    add("q-app", Quiesce::stop, compose("app", "db", "q")); // another project's db
    EXPECT_EQ(shape_of(plan()), "stop p-app, stop q-app | stop p-db");
}

TEST_F(FreezePlanTest, ACircleIsOneStageWithANote) {
    const auto a = add("a", Quiesce::stop);
    const auto b = add("b", Quiesce::stop, [&](auto& c) { c.dependencies = {a}; });
    engine.change("a", [&](auto& c) { c.dependencies = {b}; });
    EXPECT_EQ(shape_of(plan()), "stop a, stop b");
    EXPECT_THAT(all_of(plan().notes), HasSubstr("circle"));
}

TEST_F(FreezePlanTest, RootlessCgroupV1StopsWhereSafe) {
    engine.set_info({.cgroup_version = "v1", .rootless = true});
    add("a", Quiesce::automatic);
    EXPECT_EQ(shape_of(plan()), "stop a");
    EXPECT_THAT(plan().refusals, IsEmpty());
    add("b", Quiesce::automatic, [](auto& c) { c.auto_remove = true; });
    EXPECT_THAT(all_of(plan().refusals), HasSubstr("b can't be stopped"));
    add("c", Quiesce::pause);
    EXPECT_THAT(all_of(plan().refusals), HasSubstr("c is to be paused"));
}

TEST_F(FreezePlanTest, SmallestMaxFreezeAndHooks) {
    const auto id = add("a", Quiesce::none);
    add("b", Quiesce::automatic);
    components[0].max_freeze = std::chrono::milliseconds(900);
    components[1].max_freeze = std::chrono::milliseconds(500);
    const auto made = plan([&](auto& facts) { facts.hooks[id] = {.before = {"sync"}, .after = {"true"}}; });
    EXPECT_EQ(made.max_freeze, std::chrono::milliseconds(500));
    EXPECT_EQ(shape_of(made), "none a, pause b");
    EXPECT_EQ(made.stages[0][0].before, std::vector<std::string>{"sync"});
}

} // namespace
} // namespace miraclemax::quiesce
