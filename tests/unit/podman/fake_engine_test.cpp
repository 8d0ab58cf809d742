// The fake keeps podman's rules, so that tests above it prove something.
#include "fakes/fake_engine.hpp"

#include <gmock/gmock.h>

namespace miraclemax::fakes {
namespace {

using podman::State;
using std::chrono::seconds;
using ::testing::ElementsAre;

TEST(FakeEngine, PausesOnlyWhatRunsAndUnpausesOnlyWhatIsPaused) {
    FakeEngine engine;
    const auto id = engine.add_container({.name = "db"});
    EXPECT_EQ(id.size(), 64U);
    EXPECT_THROW(engine.unpause(id), Error);
    engine.pause(id);
    EXPECT_EQ(engine.state("db"), State::paused);
    EXPECT_THROW(engine.pause(id), Error);
    EXPECT_THROW(engine.stop(id, seconds(1)), Error);
    EXPECT_THROW(engine.start(id), Error);
    EXPECT_THROW(engine.exec(id, {"true"}, seconds(1)), Error);
    engine.unpause(id);
    EXPECT_EQ(engine.state("db"), State::running);
}

TEST(FakeEngine, StopRemovesAnAutoRemoveContainer) {
    FakeEngine engine;
    const auto id = engine.add_container({.name = "q", .auto_remove = true});
    engine.stop(id, seconds(1));
    EXPECT_FALSE(engine.exists("q"));
    EXPECT_THROW(engine.start(id), Error);
    EXPECT_EQ(engine.container(id), std::nullopt);
}

TEST(FakeEngine, StartsDependenciesFirst) {
    FakeEngine engine;
    const auto db = engine.add_container({.name = "db", .state = State::exited});
    engine.add_container({.name = "web", .state = State::exited, .dependencies = {db}});
    const auto before = engine.look("db").started_at;
    engine.start("web");
    EXPECT_EQ(engine.state("db"), State::running);
    EXPECT_EQ(engine.state("web"), State::running);
    EXPECT_NE(engine.look("db").started_at, before);
    EXPECT_THROW(engine.remove("db"), Error);
}

TEST(FakeEngine, AnInterruptedStopIsEndedOnlyByAnother) {
    FakeEngine engine;
    engine.add_container({.name = "db"});
    engine.interrupt_next_stop("db");
    EXPECT_THROW(engine.stop("db", seconds(1)), Error);
    EXPECT_EQ(engine.state("db"), State::stopping);
    EXPECT_THROW(engine.start("db"), Error);
    EXPECT_THROW(engine.pause("db"), Error);
    engine.stop("db", seconds(1));
    engine.start("db");
    EXPECT_EQ(engine.state("db"), State::running);
}

TEST(FakeEngine, FailsOnDemandBeforeOrAfterTheEffect) {
    FakeEngine engine;
    engine.add_container({.name = "db"});
    engine.fail_next("pause", "db", Error(ExitCode::podman, "no"));
    engine.fail_next("pause", "", Error(ExitCode::podman, "lost"), 1, FakeEngine::Effect::done);
    EXPECT_THROW(engine.pause("db"), Error);
    EXPECT_EQ(engine.state("db"), State::running);
    EXPECT_THROW(engine.pause("db"), Error);
    EXPECT_EQ(engine.state("db"), State::paused);
    engine.unpause("db");
    EXPECT_THAT(engine.calls(), ElementsAre("pause db", "pause db", "unpause db"));
}

TEST(FakeEngine, HooksMayMoveThings) {
    FakeEngine engine;
    engine.add_container({.name = "db"});
    engine.on_call([&](FakeEngine::Moment moment, const std::string& call, const std::string& name) {
        if (moment == FakeEngine::Moment::after && call == "pause")
            engine.recreate(name);
    });
    const auto before = engine.look("db").id;
    engine.pause(before);
    EXPECT_NE(engine.look("db").id, before);
    EXPECT_EQ(engine.state("db"), State::running);
}

TEST(FakeEngine, CreatesAVolumeOnce) {
    FakeEngine engine;
    const auto made = engine.create_volume({.name = "data", .labels = {{"a", "b"}}, .options = {{"o", "x"}}});
    EXPECT_EQ(made.driver, "local");
    EXPECT_NE(made.mountpoint, "");
    ASSERT_TRUE(engine.volume("data").has_value());
    EXPECT_EQ(engine.volume("data")->labels, made.labels);
    EXPECT_EQ(engine.volume("data")->options, made.options);
    EXPECT_THROW(engine.create_volume({.name = "data"}), Error);
    EXPECT_EQ(engine.volume("data")->created_at, made.created_at);
    EXPECT_THAT(engine.calls(), ElementsAre("create_volume data", "create_volume data"));
}

TEST(FakeEngine, DeletesNoVolumeThatAContainerHas) {
    FakeEngine engine;
    engine.add_volume({.name = "data"});
    engine.add_container(
        {.name = "db", .mounts = {{.type = "volume", .name = "data", .source = "/d", .destination = "/d"}}});
    engine.stop("db", seconds(1));
    EXPECT_THROW(engine.delete_volume("data"), Error);
    engine.remove("db");
    engine.delete_volume("data");
    EXPECT_FALSE(engine.volume("data").has_value());
    EXPECT_THROW(engine.delete_volume("data"), Error);
}

TEST(FakeEngine, CreatesRunsAndRemovesWorkers) {
    FakeEngine engine;
    engine.add_image("img");
    EXPECT_THROW(engine.create({.name = "w", .image = "other"}), Error);
    const auto id = engine.create({.name = "w",
                                   .image = "img",
                                   .labels = {{"miraclemax.worker", "1"}},
                                   .volumes = {{.name = "new", .destination = "/v"}}});
    EXPECT_TRUE(engine.volume("new").has_value());
    EXPECT_THROW(engine.create({.name = "w", .image = "img"}), Error);
    EXPECT_EQ(engine.containers_labelled("miraclemax.worker=1").size(), 1U);
    EXPECT_TRUE(engine.containers_labelled("miraclemax.worker=2").empty());
    engine.start(id);
    engine.on_exec([](const podman::Container& in, const std::vector<std::string>& argv, seconds) {
        return podman::ExecResult{.exit_code = 3, .output = in.name + argv.at(0)};
    });
    EXPECT_EQ(engine.exec(id, {"true", "x"}, seconds(1)).output, "wtrue");
    engine.remove(id);
    engine.remove(id);
    EXPECT_FALSE(engine.exists("w"));
    EXPECT_EQ(engine.calls().at(3), "start w");
    EXPECT_EQ(engine.calls().at(4), "exec w true x");
}

} // namespace
} // namespace miraclemax::fakes
