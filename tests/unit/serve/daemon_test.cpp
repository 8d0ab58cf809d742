#include "serve/daemon.hpp"

#include "error.hpp"
#include "fakes/fake_engine.hpp"
#include "quiesce/journal.hpp"
#include "run/restore_record.hpp"

#include <gtest/gtest.h>

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <thread>
#include <utility>

namespace miraclemax::serve {
namespace {

class Daemon : public testing::Test {
protected:
    Daemon() {
        char form[] = "/tmp/mmserve-XXXXXX";
        root = ::mkdtemp(form);
        settings.instance = "test";
        settings.state = root;
        id = engine().add_container({.name = "db"});
    }
    ~Daemon() override { std::filesystem::remove_all(root); }

    // A run that died while it held the container.
    void dead_run(std::chrono::seconds stop_timeout = std::chrono::seconds(10),
                  const std::vector<std::string>& after = {}, quiesce::Act act = quiesce::Act::pause) {
        const auto before = engine().look("db");
        const pid_t child = ::fork();
        if (child == 0) {
            quiesce::Journal journal(settings.journals(), "20200101-000000-77-1");
            journal.intend({.id = id,
                            .name = "db",
                            .act = act,
                            .before = podman::State::running,
                            .started_at = before.started_at,
                            .after = after,
                            .stop_timeout = stop_timeout});
            ::_exit(0);
        }
        int status = 0;
        ::waitpid(child, &status, 0);
        if (act == quiesce::Act::pause)
            engine().pause(id);
        else
            engine().stop(id, std::chrono::seconds(1));
    }
    // What another dead run left of a component.
    void emptied() {
        run::RestoreRecords(settings).keep({.run = "20200101-000000-76-1",
                                            .at = {},
                                            .components = {{.component = "other",
                                                            .backup = "20200101_000000",
                                                            .volume = {},
                                                            .volume_created_at = {},
                                                            .path = root / "other",
                                                            .step = run::Step::emptied}}});
    }
    fakes::FakeEngine& engine() { return engine_; }

    std::filesystem::path root;
    run::Settings settings;
    std::string id;
    int refused = 0; // connections that fail first
    std::vector<std::string> said;
    fakes::FakeEngine engine_;
};

// Hands out one engine again and again.
class Shared : public podman::Engine {
public:
    explicit Shared(podman::Engine& engine) : engine_(engine) {}
    podman::Info info() override { return engine_.info(); }
    std::vector<podman::Volume> volumes() override { return engine_.volumes(); }
    std::optional<podman::Volume> volume(const std::string& name) override { return engine_.volume(name); }
    podman::Volume create_volume(const podman::VolumeSpec& spec) override {
        return engine_.create_volume(spec);
    }
    void delete_volume(const std::string& name) override { engine_.delete_volume(name); }
    std::vector<podman::Container> containers(const podman::Limits& limits) override {
        return engine_.containers(limits);
    }
    std::vector<podman::Container> containers_labelled(const std::string& label) override {
        return engine_.containers_labelled(label);
    }
    std::optional<podman::Container> container(const std::string& id) override {
        return engine_.container(id);
    }
    bool image_exists(const std::string& image) override { return engine_.image_exists(image); }
    void pause(const std::string& id) override { engine_.pause(id); }
    void unpause(const std::string& id) override { engine_.unpause(id); }
    void stop(const std::string& id, std::chrono::seconds timeout) override { engine_.stop(id, timeout); }
    void start(const std::string& id) override { engine_.start(id); }
    void run_health_check(const std::string& id, std::chrono::milliseconds deadline) override {
        engine_.run_health_check(id, deadline);
    }
    std::string create(const podman::ContainerSpec& spec) override { return engine_.create(spec); }
    void remove(const std::string& id) override { engine_.remove(id); }
    std::string logs(const std::string& id) override { return engine_.logs(id); }
    podman::ExecResult exec(const std::string& id, const std::vector<std::string>& argv,
                            std::chrono::seconds timeout) override {
        return engine_.exec(id, argv, timeout);
    }

private:
    podman::Engine& engine_;
};

TEST_F(Daemon, UndoesADeadRunAndSaysAMissingSocketOnce) {
    dead_run();
    refused = 3;
    std::stop_source stop;
    const Connect connect = [&]() -> std::unique_ptr<podman::Engine> {
        if (refused-- > 0)
            throw Error(ExitCode::podman, "no socket");
        return std::make_unique<Shared>(engine());
    };
    const Say say = [&](const std::string& line) {
        said.push_back(line);
        if (line.find("db") != std::string::npos)
            stop.request_stop();
    };
    EXPECT_TRUE(serve(settings, connect,
                      {.every = std::chrono::milliseconds(5), .grace = std::chrono::milliseconds(5)}, say,
                      stop.get_token()));
    EXPECT_EQ(engine().state("db"), podman::State::running);
    EXPECT_EQ(
        std::count_if(said.begin(), said.end(),
                      [](const std::string& line) { return line.find("no socket") != std::string::npos; }),
        1);
}

TEST_F(Daemon, ReleasesOnItsWayOut) {
    std::stop_source stop;
    stop.request_stop();
    dead_run();
    EXPECT_TRUE(serve(
        settings, [&] { return std::make_unique<Shared>(engine()); }, {}, [](const std::string&) {},
        stop.get_token()));
    EXPECT_EQ(engine().state("db"), podman::State::running);
}

// Who waits for data that a dead restore emptied is asked of all containers, an unrelated one among them.
TEST_F(Daemon, ReleasesOnItsWayOutWhomeverPodmanCanNotTellOf) {
    emptied();
    std::stop_source stop;
    stop.request_stop();
    dead_run();
    engine().fail_next("containers", "", Error(ExitCode::podman, "inspect stranger: deadline"), 1000);
    serve(
        settings, [&] { return std::make_unique<Shared>(engine()); }, {}, [](const std::string&) {},
        stop.get_token());
    EXPECT_EQ(engine().state("db"), podman::State::running);
}

TEST_F(Daemon, HasNoMoreTimeToAskWhoWaitsThanItPromised) {
    emptied();
    std::stop_source stop;
    stop.request_stop();
    dead_run(std::chrono::seconds(10), {}, quiesce::Act::stop);
    std::optional<podman::Limits> first;
    engine().on_call([&](auto moment, const std::string& call, const std::string&) {
        if (moment == fakes::FakeEngine::Moment::after && call == "containers" && !first)
            first = engine().last_limits();
    });
    serve(
        settings, [&] { return std::make_unique<Shared>(engine()); }, {}, [](const std::string&) {},
        stop.get_token());
    EXPECT_EQ(engine().state("db"), podman::State::running);
    ASSERT_TRUE(first);
    EXPECT_GT(first->all.count(), 0);
}

// What takes long when it is told to leave must not keep it from leaving.
TEST_F(Daemon, LeavesAStopThatGoesOnToTheNextStart) {
    std::stop_source stop;
    stop.request_stop();
    dead_run(std::chrono::seconds(60));
    engine().change("db", [](auto& c) { c.state = podman::State::stopping; });
    engine().forget_calls();
    const auto begun = std::chrono::steady_clock::now();
    EXPECT_FALSE(serve(
        settings, [&] { return std::make_unique<Shared>(engine()); },
        {.promise = std::chrono::milliseconds(400)}, [](const std::string&) {}, stop.get_token()));
    EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(4));
    EXPECT_TRUE(engine().calls().empty()); // no second stop
    EXPECT_TRUE(std::filesystem::exists(settings.journals() / "20200101-000000-77-1.journal"));
}

TEST_F(Daemon, LeavesAtOnceWhileAHookOfADeadRunGoesOn) {
    dead_run(std::chrono::seconds(10), {"thaw"});
    std::stop_source stop;
    bool waited = false;
    engine().on_exec([&](const auto&, const auto&, auto) {
        // Another run dies just then, and serve is told to leave: it is undone while the hook goes on.
        id = engine().add_container({.name = "web"});
        const pid_t child = ::fork();
        if (child == 0) {
            quiesce::Journal journal(settings.journals(), "20200101-000000-78-1");
            journal.intend({.id = id, .name = "web", .started_at = engine_.look("web").started_at});
            ::_exit(0);
        }
        int status = 0;
        ::waitpid(child, &status, 0);
        engine().pause(id);
        stop.request_stop();
        for (int i = 0; i < 1000 && engine().state("web") != podman::State::running; ++i)
            std::this_thread::sleep_for(std::chrono::milliseconds(5));
        waited = engine().state("web") == podman::State::running;
        return podman::ExecResult{};
    });
    serve(
        settings, [&] { return std::make_unique<Shared>(engine()); }, {}, [](const std::string&) {},
        stop.get_token());
    EXPECT_TRUE(waited);
    EXPECT_EQ(engine().state("db"), podman::State::running);
}

// Calls `act` when helper containers are swept: last of all.
class Late : public Shared {
public:
    Late(podman::Engine& engine, std::function<void()> act) : Shared(engine), act_(std::move(act)) {}
    std::vector<podman::Container> containers_labelled(const std::string& label) override {
        act_();
        return Shared::containers_labelled(label);
    }

private:
    std::function<void()> act_;
};

TEST_F(Daemon, PutsBackWhatARunLeavesThatDiesLast) {
    std::stop_source stop;
    stop.request_stop();
    bool done = false;
    const Connect connect = [&] {
        return std::make_unique<Late>(engine(), [&] {
            if (!std::exchange(done, true))
                dead_run();
        });
    };
    const bool good = serve(
        settings, connect, {}, [](const std::string&) {}, stop.get_token());
    ASSERT_TRUE(done);
    EXPECT_TRUE(good);
    EXPECT_EQ(engine().state("db"), podman::State::running);
}

TEST_F(Daemon, SaysLastOfAllWhatIsStillOpen) {
    const Connect no_podman = []() -> std::unique_ptr<podman::Engine> {
        throw Error(ExitCode::podman, "no socket");
    };
    EXPECT_TRUE(all_back(settings, no_podman, [](const std::string&) {}));
    dead_run();
    EXPECT_FALSE(all_back(settings, no_podman, [&](const std::string& line) { said.push_back(line); }));
    EXPECT_EQ(said, std::vector<std::string>{"can't release: no socket"});
}

TEST_F(Daemon, SaysTheSameOnlyOnce) {
    std::filesystem::create_directories(settings.journals() / "20200101-000000-77-1.journal");
    std::stop_source stop;
    std::atomic<int> rounds{0};
    const Connect connect = [&] {
        if (++rounds == 4)
            stop.request_stop();
        return std::make_unique<Shared>(engine());
    };
    serve(
        settings, connect, {.every = std::chrono::milliseconds(5), .promise = std::chrono::milliseconds(20)},
        [&](const std::string& line) { said.push_back(line); }, stop.get_token());
    EXPECT_EQ(
        std::count_if(said.begin(), said.end(),
                      [](const std::string& line) { return line.find("77-1.journal") != std::string::npos; }),
        1);
}

TEST_F(Daemon, SaysWhenItCouldNotRelease) {
    std::stop_source stop;
    stop.request_stop();
    dead_run();
    const Connect connect = []() -> std::unique_ptr<podman::Engine> {
        throw Error(ExitCode::podman, "no socket");
    };
    EXPECT_FALSE(serve(
        settings, connect, {}, [](const std::string&) {}, stop.get_token()));
}

} // namespace
} // namespace miraclemax::serve
