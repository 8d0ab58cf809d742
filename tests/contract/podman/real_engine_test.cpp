// The engine against a real podman: MIRACLEMAX_TEST_SOCKET names its socket, MIRACLEMAX_TEST_IMAGE an image
// with a shell. Every object made here begins with "mmt-" and the process id, and is removed.
#include "error.hpp"
#include "podman/rest_engine.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <cstdlib>
#include <unistd.h>

namespace miraclemax::podman {
namespace {

using std::chrono::seconds;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;

class RealEngine : public ::testing::Test {
protected:
    void SetUp() override {
        const char* socket = std::getenv("MIRACLEMAX_TEST_SOCKET");
        if (socket == nullptr)
            GTEST_SKIP() << "MIRACLEMAX_TEST_SOCKET is not set";
        if (const char* image = std::getenv("MIRACLEMAX_TEST_IMAGE"))
            image_ = image;
        engine_ = connect({.socket = socket});
    }
    void TearDown() override {
        for (const auto& id : made_)
            engine_->remove(id);
    }

    [[nodiscard]] static std::string named(const std::string& name) {
        return "mmt-" + std::to_string(::getpid()) + "-" + name;
    }
    std::string make(ContainerSpec spec) {
        spec.name = named(spec.name);
        spec.image = image_;
        if (spec.command.empty())
            spec.command = {"/bin/sleep", "1000"};
        made_.push_back(engine_->create(spec));
        return made_.back();
    }
    [[nodiscard]] State state(const std::string& id) {
        const auto found = engine_->container(id);
        return found ? found->state : State::unknown;
    }

    std::string image_ = "localhost/miraclemax-test:1";
    std::unique_ptr<Engine> engine_;
    std::vector<std::string> made_;
};

ExitCode code_of(const std::function<void()>& act) {
    try {
        act();
    } catch (const Error& error) {
        EXPECT_NE(std::string(error.what()), "");
        return error.code();
    }
    return ExitCode::ok;
}

TEST_F(RealEngine, KnowsItself) {
    const auto info = engine_->info();
    EXPECT_THAT(info.version, ::testing::MatchesRegex("[0-9]+[.][0-9]+.*"));
    EXPECT_EQ(info.volume_path.substr(0, 1), "/");
    EXPECT_THAT(info.cgroup_version, ::testing::AnyOf("v1", "v2"));
    EXPECT_NE(info.runtime, "");
}

TEST_F(RealEngine, MovesAContainerThroughItsStates) {
    const auto id = make({.name = "states", .labels = {{"mmt", named("a=b*")}}});
    EXPECT_EQ(id.size(), 64U);
    EXPECT_EQ(state(id), State::created);
    engine_->start(id);
    EXPECT_EQ(state(id), State::running);
    engine_->start(id); // already
    EXPECT_EQ(code_of([&] { engine_->unpause(id); }), ExitCode::podman);
    engine_->pause(id);
    EXPECT_EQ(state(id), State::paused);
    EXPECT_EQ(code_of([&] { engine_->pause(id); }), ExitCode::podman);
    EXPECT_EQ(code_of([&] { engine_->stop(id, seconds{1}); }), ExitCode::podman);
    EXPECT_EQ(code_of([&] { engine_->start(id); }), ExitCode::podman);
    engine_->unpause(id);
    EXPECT_EQ(state(id), State::running);
    const auto before = engine_->container(id)->started_at;
    engine_->stop(id, seconds{0});
    EXPECT_THAT(state(id), ::testing::AnyOf(State::exited, State::stopped));
    engine_->stop(id, seconds{0}); // already
    engine_->start(id);
    EXPECT_EQ(state(id), State::running);
    EXPECT_NE(engine_->container(id)->started_at, before);
    EXPECT_EQ(code_of([&] { engine_->run_health_check(id, seconds{5}); }), ExitCode::podman); // it has none
    engine_->remove(id);
    EXPECT_EQ(engine_->container(id), std::nullopt);
    engine_->remove(id); // already
    EXPECT_EQ(code_of([&] { engine_->start(id); }), ExitCode::not_found);
}

TEST_F(RealEngine, FindsByLabelExactly) {
    const auto id = make({.name = "labelled", .labels = {{"mmt.one", "x=y z"}}});
    make({.name = "other", .labels = {{"mmt.one", "x=y zz"}}});
    const auto found = engine_->containers_labelled("mmt.one=x=y z");
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(found[0].id, id);
    EXPECT_TRUE(engine_->containers_labelled("mmt.one=x*").empty());
    const auto all = engine_->containers();
    EXPECT_TRUE(std::any_of(all.begin(), all.end(), [&](const Container& one) { return one.id == id; }));
    EXPECT_TRUE(std::is_sorted(all.begin(), all.end(),
                               [](const Container& a, const Container& b) { return a.name < b.name; }));
}

TEST_F(RealEngine, AWorkerIsShutIn) {
    const auto volume = named("volume");
    const auto id = make(
        {.name = "worker",
         .binds = {{.source = "/etc", .destination = "/mnt/in", .read_only = true, .propagation = "rslave"}},
         .volumes = {{.name = volume, .destination = "/mnt/data"}},
         .capabilities = {"DAC_READ_SEARCH"}});
    engine_->start(id);
    const auto run = [&](const std::string& script) {
        return engine_->exec(id, {"/bin/sh", "-c", script}, seconds{20});
    };
    EXPECT_THAT(run("cat /proc/1/status").output,
                AllOf(HasSubstr("CapEff:\t0000000000000004"), HasSubstr("CapBnd:\t0000000000000004"),
                      HasSubstr("NoNewPrivs:\t1")));
    EXPECT_NE(run(": > /x").exit_code, 0) << "the root can be written";
    EXPECT_NE(run(": > /mnt/data/x").exit_code, 0) << "the volume can be written";
    EXPECT_NE(run(": > /mnt/in/x").exit_code, 0) << "the bind can be written";
    EXPECT_EQ(run("cat /proc/net/dev | grep -vc -e lo: -e '|'").output, "0\n");
    const auto made = engine_->volume(volume);
    ASSERT_TRUE(made.has_value());
    EXPECT_EQ(made->driver, "local");
    const auto container = engine_->container(id);
    ASSERT_TRUE(container.has_value());
    EXPECT_EQ(container->stop_timeout, seconds{1});
    EXPECT_EQ(container->network_mode, "none");
    EXPECT_FALSE(container->auto_remove);
    const auto mount = std::find_if(container->mounts.begin(), container->mounts.end(),
                                    [&](const Mount& one) { return one.name == volume; });
    ASSERT_NE(mount, container->mounts.end());
    EXPECT_EQ(mount->source, made->mountpoint);
    EXPECT_FALSE(mount->writable);
    const auto volumes = engine_->volumes();
    EXPECT_TRUE(
        std::any_of(volumes.begin(), volumes.end(), [&](const Volume& one) { return one.name == volume; }));
    EXPECT_FALSE(engine_->volume(volume.substr(0, volume.size() - 1)).has_value());
}

TEST_F(RealEngine, MakesAVolumeOnce) {
    const auto name = named("made");
    const VolumeSpec spec{.name = name,
                          .driver = "local",
                          .labels = {{"mmt.one", "x=y z"}, {"mmt.two", ""}},
                          .options = {{"device", "tmpfs"}, {"o", "nodev"}, {"type", "tmpfs"}}};
    const auto made = engine_->create_volume(spec);
    EXPECT_EQ(made.name, name);
    EXPECT_EQ(made.driver, "local");
    EXPECT_EQ(made.labels, spec.labels);
    EXPECT_EQ(made.options, spec.options);
    const auto found = engine_->volume(name);
    ASSERT_TRUE(found.has_value());
    EXPECT_EQ(found->labels, spec.labels);
    EXPECT_EQ(found->options, spec.options);
    EXPECT_EQ(found->created_at, made.created_at);
    EXPECT_EQ(code_of([&] { (void)engine_->create_volume(spec); }), ExitCode::podman);
    const auto plain = engine_->create_volume({.name = named("plain")});
    EXPECT_EQ(plain.driver, "local");
    EXPECT_TRUE(plain.labels.empty() && plain.options.empty() && !plain.anonymous);
    EXPECT_EQ(code_of([&] { (void)engine_->create_volume({.name = "../x"}); }), ExitCode::podman);
    EXPECT_EQ(code_of([&] { (void)engine_->create_volume({}); }), ExitCode::podman);
    EXPECT_EQ(
        code_of([&] { (void)engine_->create_volume({.name = named("driver"), .driver = "mmt-no-such"}); }),
        ExitCode::podman);
}

TEST_F(RealEngine, DeletesNoVolumeThatAContainerHas) {
    const auto name = named("goes");
    static_cast<void>(engine_->create_volume({.name = name}));
    const auto id = make({.name = "user", .volumes = {{.name = name, .destination = "/v"}}});
    EXPECT_EQ(code_of([&] { engine_->delete_volume(name); }), ExitCode::podman);
    ASSERT_TRUE(engine_->volume(name).has_value());
    engine_->remove(id);
    engine_->delete_volume(name);
    EXPECT_FALSE(engine_->volume(name).has_value());
    EXPECT_EQ(code_of([&] { engine_->delete_volume(name); }), ExitCode::not_found);
    EXPECT_EQ(code_of([&] { engine_->delete_volume("../x"); }), ExitCode::podman);
}

TEST_F(RealEngine, ExecGivesOutputAndExitCode) {
    const auto id = make({.name = "exec"});
    EXPECT_EQ(code_of([&] { (void)engine_->exec(id, {"/bin/true"}, seconds{5}); }), ExitCode::podman);
    engine_->start(id);
    const auto result = engine_->exec(id, {"/bin/sh", "-c", "echo out; echo err >&2; exit 5"}, seconds{20});
    EXPECT_EQ(result.exit_code, 5);
    EXPECT_THAT(result.output, AllOf(HasSubstr("out\n"), HasSubstr("err\n")));
    EXPECT_NE(engine_->exec(id, {"/no/such/program"}, seconds{20}).exit_code, 0);
    const auto flood = engine_->exec(id, {"/bin/sh", "-c", "yes | head -c 300000; echo end"}, seconds{20});
    EXPECT_EQ(flood.output.size(), 64U << 10U);
    EXPECT_EQ(flood.output.substr(flood.output.size() - 6), "y\nend\n");
    EXPECT_EQ(code_of([&] { (void)engine_->exec(id, {"/bin/sleep", "30"}, seconds{1}); }), ExitCode::podman);
}

TEST_F(RealEngine, TellsWhatAContainerSaid) {
    const auto id = make({.name = "logs", .command = {"/bin/sh", "-c", "echo the reason; exit 3"}});
    engine_->start(id);
    std::string text;
    for (int i = 0; i < 100 && text.empty(); ++i) {
        ::usleep(50'000);
        text = engine_->logs(id);
    }
    EXPECT_THAT(text, HasSubstr("the reason"));
}

TEST_F(RealEngine, KnowsImages) {
    EXPECT_TRUE(engine_->image_exists(image_));
    EXPECT_FALSE(engine_->image_exists("localhost/mmt-no-such-image:9"));
    EXPECT_NE(code_of([&] {
                  (void)engine_->create(
                      {.name = named("x"), .image = "localhost/mmt-no-such:9", .command = {"/bin/true"}});
              }),
              ExitCode::ok);
}

TEST_F(RealEngine, WhatDoesNotExist) {
    EXPECT_EQ(engine_->container(named("nobody")), std::nullopt);
    EXPECT_FALSE(engine_->volume(named("nothing")).has_value());
    EXPECT_EQ(code_of([&] { engine_->pause(named("nobody")); }), ExitCode::not_found);
    EXPECT_EQ(code_of([&] { engine_->stop(named("nobody"), seconds{1}); }), ExitCode::not_found);
    EXPECT_EQ(code_of([&] { (void)engine_->exec(named("nobody"), {"true"}, seconds{1}); }),
              ExitCode::not_found);
}

} // namespace
} // namespace miraclemax::podman
