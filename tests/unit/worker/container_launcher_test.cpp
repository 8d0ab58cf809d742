#include "bench.hpp"

#include "fakes/fake_engine.hpp"
#include "worker/control_socket.hpp"

#include <gmock/gmock.h>

#include <csignal>

#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>

namespace miraclemax::worker {
namespace {

using podman::ContainerSpec;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using testing::StartsWith;
using namespace std::chrono_literals;

class ContainerLauncherTest : public testing::Test {
protected:
    ContainerLauncherTest() {
        for (const char* name : {"data", "backups", "backups/.partial-1", "state", "back"})
            fs::create_directory(folder.path / name);
        put(folder.path / "data/a", "hello");
        self.id = std::string(64, 'a');
        self.name = "sidecar";
        self.image_id = std::string(64, 'f');
        self.mounts = {
            {.type = "bind", .source = folder.path / "backups", .destination = "/backups"},
            {.type = "volume", .name = "state", .source = folder.path / "state", .destination = "/state"}};
        // The test sees the folders under the host's paths, so the sidecar does too.
        for (podman::Mount& mount : self.mounts)
            mount.destination = mount.source;
        engine.add_volume({.name = "grafana", .created_at = "then"});
        job.component = "grafana";
        placement = {.run = "20251016_030000",
                     .instance = "host:1",
                     .volume = "grafana",
                     .volume_created_at = "then",
                     .path = folder.path / "data",
                     .folder = folder.path / "backups/.partial-1",
                     .control = folder.path / "state/control"};
    }
    ~ContainerLauncherTest() override { end(); }
    std::unique_ptr<Worker> launch(bool trusted = false, Limits limits = {}) {
        return container_launcher(engine, self, trusted, limits)->launch(job, placement);
    }
    // From now on, a started container is a process of this program.
    void run_containers() {
        engine.on_call([this](fakes::FakeEngine::Moment moment, const std::string& call, const std::string&) {
            if (moment == fakes::FakeEngine::Moment::after && call == "start")
                begin(engine.created().back());
            if (moment == fakes::FakeEngine::Moment::before && call == "remove")
                end();
        });
    }
    void begin(const ContainerSpec& spec) {
        std::string control;
        std::string out;
        std::string data = spec.volumes.empty() ? "" : (folder.path / "data").string();
        for (const auto& one : spec.binds)
            (one.destination == "/control" ? control : one.destination == "/out" ? out : data) = one.source;
        const char* argv[] = {"/proc/self/exe", "inside",     control.c_str(),
                              out.c_str(),      data.c_str(), nullptr};
        ASSERT_EQ(::posix_spawn(&process, argv[0], nullptr, nullptr, const_cast<char* const*>(argv), environ),
                  0);
    }
    void end() {
        if (process <= 0)
            return;
        ::kill(process, SIGKILL);
        ::waitpid(process, nullptr, 0);
        process = 0;
    }
    [[nodiscard]] std::vector<std::string> sockets() const {
        std::vector<std::string> found;
        if (fs::exists(placement.control)) {
            for (const auto& one : fs::recursive_directory_iterator(placement.control))
                found.push_back(one.path());
        }
        return found;
    }
    Folder folder;
    fakes::FakeEngine engine;
    podman::Container self;
    Job job;
    Placement placement;
    const std::stop_token never;
    pid_t process = 0;
};

TEST_F(ContainerLauncherTest, TheContainerHasThatVolumeAndNothingElse) {
    auto worker = launch();
    ASSERT_THAT(engine.created(), SizeIs(1));
    const ContainerSpec spec = engine.created().front();
    EXPECT_THAT(spec.name, StartsWith("miraclemax-worker-20251016_030000-grafana"));
    EXPECT_EQ(spec.image, self.image_id);
    EXPECT_THAT(spec.command, ElementsAre("/usr/bin/miraclemax", "worker", "--connect", "/control/s"));
    EXPECT_THAT(spec.capabilities, ElementsAre("DAC_READ_SEARCH"));
    EXPECT_EQ(spec.labels, (podman::Labels{{"miraclemax.worker", "grafana"},
                                           {"miraclemax.instance", "host:1"},
                                           {"miraclemax.run", "20251016_030000"}}));
    ASSERT_THAT(spec.volumes, SizeIs(1));
    EXPECT_EQ(spec.volumes[0].name, "grafana");
    EXPECT_EQ(spec.volumes[0].destination, "/data");
    EXPECT_TRUE(spec.volumes[0].read_only);
    ASSERT_THAT(spec.binds, SizeIs(2));
    EXPECT_EQ(spec.binds[0].source, placement.folder);
    EXPECT_EQ(spec.binds[0].destination, "/out");
    EXPECT_FALSE(spec.binds[0].read_only);
    EXPECT_THAT(spec.binds[1].source, StartsWith(placement.control));
    EXPECT_EQ(spec.binds[1].destination, "/control");
    struct stat what {};
    ASSERT_EQ(::stat((spec.binds[1].source + "/s").c_str(), &what), 0);
    EXPECT_EQ(what.st_mode & 07777U, 0600U);
    worker.reset();
    EXPECT_FALSE(engine.exists(spec.name));
    EXPECT_THAT(sockets(), IsEmpty());
}

TEST_F(ContainerLauncherTest, HostPathsAreMountedUnderTheirOwnName) {
    placement.volume.clear();
    launch(true);
    placement.path = "/home/me/config.yaml";
    launch();
    const auto specs = engine.created();
    ASSERT_THAT(specs, SizeIs(2));
    EXPECT_THAT(specs[0].capabilities, ElementsAre("DAC_READ_SEARCH", "SYS_ADMIN"));
    EXPECT_THAT(specs[0].volumes, IsEmpty());
    EXPECT_EQ(specs[0].binds[0].source, (folder.path / "data").string());
    EXPECT_EQ(specs[0].binds[0].destination, "/data/data");
    EXPECT_TRUE(specs[0].binds[0].read_only);
    EXPECT_EQ(specs[1].binds[0].source, "/home/me/config.yaml");
    EXPECT_EQ(specs[1].binds[0].destination, "/data/config.yaml");
    EXPECT_NE(specs[0].name, specs[1].name);
}

TEST_F(ContainerLauncherTest, AWholeBackupInARootOfItsOwn) {
    if (::geteuid() != 0)
        GTEST_SKIP() << "needs root";
    const Person person;
    job.keyring = person.keyring;
    job.fingerprints = person.fingerprints;
    run_containers();
    auto worker = launch();
    const Outcome outcome = whole(*worker);
    worker.reset();
    EXPECT_EQ(outcome.tally.entries, 2U);
    const std::string back = (folder.path / "back").string();
    EXPECT_EQ(
        shell(person.gpg() + " --decrypt " + placement.folder + "/grafana.tar.gz.gpg | tar xzf - -C " + back),
        0);
    EXPECT_EQ(get(folder.path / "back/grafana/a"), "hello");
    EXPECT_THAT(sockets(), IsEmpty());
    EXPECT_THAT(engine.calls().back(), StartsWith("remove "));
}

TEST_F(ContainerLauncherTest, AContainerThatDiesIsReportedWithItsLogs) {
    if (::geteuid() != 0)
        GTEST_SKIP() << "needs root";
    run_containers();
    auto worker = launch();
    worker->wait_ready(never);
    const std::string name = engine.created().front().name;
    engine.set_logs(name, "out of memory\n");
    engine.change(name, [](podman::Container& container) { container.state = podman::State::exited; });
    end();
    const Error error = failure_of([&] {
        worker->go();
        worker->wait_read({}, std::nullopt, never);
    });
    EXPECT_EQ(error.code(), ExitCode::failed);
    EXPECT_THAT(error.what(), AllOf(HasSubstr("grafana"), HasSubstr("ended"), HasSubstr("out of memory")));
}

TEST_F(ContainerLauncherTest, AContainerThatEndsBeforeItConnects) {
    auto worker = launch();
    const std::string name = engine.created().front().name;
    engine.set_logs(name, "exec: no such file\n");
    engine.change(name, [](podman::Container& container) { container.state = podman::State::exited; });
    EXPECT_THAT(failure_of([&] { worker->wait_ready(never); }).what(), HasSubstr("exec: no such file"));
}

TEST_F(ContainerLauncherTest, AContainerThatNeverConnects) {
    auto worker = launch(false, {.ready = 200ms});
    EXPECT_THAT(failure_of([&] { worker->wait_ready(never); }).what(), HasSubstr("did not connect"));
    std::stop_source source;
    source.request_stop();
    worker = launch();
    EXPECT_EQ(failure_of([&] { worker->wait_ready(source.get_token()); }).code(), ExitCode::interrupted);
}

TEST_F(ContainerLauncherTest, AVolumeThatIsGoneIsNotMadeAnew) {
    engine.remove_volume("grafana");
    EXPECT_EQ(failure_of([&] { launch(); }).code(), ExitCode::not_found);
    EXPECT_THAT(engine.created(), IsEmpty());
    EXPECT_FALSE(engine.volume("grafana").has_value());
}

TEST_F(ContainerLauncherTest, AVolumeThatPodmanMadeSilentlyIsNoticed) {
    engine.on_call([this](fakes::FakeEngine::Moment moment, const std::string& call, const std::string&) {
        if (moment == fakes::FakeEngine::Moment::before && call == "create")
            engine.remove_volume("grafana");
    });
    const Error error = failure_of([&] { launch(); });
    EXPECT_THAT(error.what(), AllOf(HasSubstr("grafana"), HasSubstr("silently made")));
    EXPECT_FALSE(engine.exists(engine.created().front().name));
    EXPECT_THAT(sockets(), IsEmpty());
}

TEST_F(ContainerLauncherTest, AContainerThatCanNotStartIsRemoved) {
    engine.fail_next("start", "", Error(ExitCode::podman, "crun says no"));
    EXPECT_THAT(failure_of([&] { launch(); }).what(), HasSubstr("crun says no"));
    EXPECT_FALSE(engine.exists(engine.created().front().name));
    engine.fail_next("create", "", Error(ExitCode::podman, "the answer was cut"), 1,
                     fakes::FakeEngine::Effect::done);
    EXPECT_THAT(failure_of([&] { launch(); }).what(), HasSubstr("cut"));
    EXPECT_FALSE(engine.exists(engine.created().back().name));
    EXPECT_THAT(sockets(), IsEmpty());
}

TEST_F(ContainerLauncherTest, AFolderThatIsNoMountNamesWhatComposeLacks) {
    placement.folder = "/somewhere/else";
    const Error error = failure_of([&] { launch(); });
    EXPECT_EQ(error.code(), ExitCode::config);
    EXPECT_THAT(error.what(), HasSubstr("/somewhere/else"));
    EXPECT_THAT(error.remedy(), HasSubstr("compose"));
    EXPECT_THAT(engine.created(), IsEmpty());
}

TEST(HostPath, TakesTheLongestMount) {
    podman::Container self;
    self.mounts = {{.source = "/srv/backups", .destination = "/backups"},
                   {.source = "/v/state/_data", .destination = "/var/lib/miraclemax/"},
                   {.source = "/deep", .destination = "/backups/deep"},
                   {.source = "", .destination = "/nothing"}};
    EXPECT_EQ(host_path(self, "/backups"), "/srv/backups");
    EXPECT_EQ(host_path(self, "/backups/"), "/srv/backups");
    EXPECT_EQ(host_path(self, "/backups/a/../b"), "/srv/backups/b");
    EXPECT_EQ(host_path(self, "/backups/deep/x"), "/deep/x");
    EXPECT_EQ(host_path(self, "/backups/deeper"), "/srv/backups/deeper");
    EXPECT_EQ(host_path(self, "/var/lib/miraclemax/control"), "/v/state/_data/control");
    EXPECT_EQ(host_path(self, "/backups2"), std::nullopt);
    EXPECT_EQ(host_path(self, "/backups/../etc"), std::nullopt);
    EXPECT_EQ(host_path(self, "/nothing/x"), std::nullopt);
    self.mounts = {{.source = "/root-of-all", .destination = "/"}};
    EXPECT_EQ(host_path(self, "/x"), "/root-of-all/x");
}

TEST(Sweep, RemovesWorkersOfDeadRunsOfThisInstanceAlone) {
    fakes::FakeEngine engine;
    auto add = [&engine](const std::string& name, podman::Labels labels) {
        podman::Container container;
        container.name = name;
        container.labels = std::move(labels);
        engine.add_container(container);
    };
    add("dead", {{"miraclemax.worker", "a"}, {"miraclemax.instance", "i"}, {"miraclemax.run", "1"}});
    add("dead2", {{"miraclemax.worker", "b"}, {"miraclemax.instance", "i"}, {"miraclemax.run", "1"}});
    add("alive", {{"miraclemax.worker", "a"}, {"miraclemax.instance", "i"}, {"miraclemax.run", "2"}});
    add("other", {{"miraclemax.worker", "a"}, {"miraclemax.instance", "j"}, {"miraclemax.run", "1"}});
    add("app", {{"miraclemax.instance", "i"}, {"miraclemax.run", "1"}});
    add("odd", {{"miraclemax.worker", "a"}, {"miraclemax.instance", "i"}});
    const auto alive = [](const std::string& run) { return run == "2"; };
    engine.fail_next("remove", "dead", Error(ExitCode::podman, "not now"));
    EXPECT_THROW(sweep_workers(engine, "i", alive), Error);
    EXPECT_FALSE(engine.exists("dead2"));
    EXPECT_THAT(sweep_workers(engine, "i", alive), ElementsAre("dead"));
    for (const char* name : {"alive", "other", "app", "odd"})
        EXPECT_TRUE(engine.exists(name)) << name;
}

TEST(ControlSocketTest, APathThatIsTooLongIsAnErrorAndLeavesNothing) {
    const Folder folder;
    EXPECT_THROW(ControlSocket(folder.path / std::string(120, 'x')), Error);
    EXPECT_TRUE(fs::is_empty(folder.path));
}

} // namespace
} // namespace miraclemax::worker
