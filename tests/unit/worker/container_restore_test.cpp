#include "bench.hpp"

#include "fakes/fake_engine.hpp"
#include "worker/restoring.hpp"

#include <gmock/gmock.h>

#include <array>
#include <csignal>

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>

namespace miraclemax::worker {
namespace {

using podman::ContainerSpec;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using namespace std::chrono_literals;

class ContainerRestoreTest : public testing::Test {
protected:
    ContainerRestoreTest() {
        for (const char* name : {"target", "state", "data", "out"})
            fs::create_directory(folder.path / name);
        put(folder.path / "target/old", "x");
        put(folder.path / "data/new", "y");
        self.id = std::string(64, 'a');
        self.image_id = std::string(64, 'f');
        self.mounts = {{.type = "volume",
                        .name = "state",
                        .source = folder.path / "state",
                        .destination = folder.path / "state"}};
        engine.add_volume({.name = "grafana", .created_at = "then"});
        placement = {.run = "r1",
                     .instance = "host:1",
                     .volume = "grafana",
                     .volume_created_at = "then",
                     .path = folder.path / "target",
                     .control = folder.path / "state/control"};
        unpack_job.promise = {.prefix = "grafana", .tar_sha256 = std::string(64, '0')};
        unpack_job.site.run = "r1";
        settle_job.component = "grafana";
        settle_job.site.run = "r1";
        // From now on, a started container is a process of this program.
        engine.on_call(
            [this](fakes::FakeEngine::Moment moment, const std::string& call, const std::string& who) {
                if (moment == fakes::FakeEngine::Moment::after && call == "start")
                    begin(engine.created().back());
                if (moment == fakes::FakeEngine::Moment::before && call == "remove")
                    end(who);
            });
    }
    ~ContainerRestoreTest() override { end({}); }
    void begin(const ContainerSpec& spec) {
        std::string control;
        std::string data = spec.volumes.empty() ? "" : (folder.path / "target").string();
        for (const auto& one : spec.binds)
            (one.destination == "/control" ? control : data) = one.source;
        const char* argv[] = {"/proc/self/exe", "inside", control.c_str(), "", data.c_str(), nullptr};
        pid_t process = 0;
        ASSERT_EQ(::posix_spawn(&process, argv[0], nullptr, nullptr, const_cast<char* const*>(argv), environ),
                  0);
        started.push_back(process);
    }
    void end(const std::string&) {
        for (const pid_t one : std::exchange(started, {})) {
            ::kill(one, SIGKILL);
            ::waitpid(one, nullptr, 0);
        }
    }
    [[nodiscard]] std::unique_ptr<RestoreLauncher> launcher(bool trusted = false, Limits limits = {}) {
        return container_restore_launcher(engine, self, trusted, limits);
    }
    static Streams streams(const fs::path& path) {
        return {.archive = stream::Descriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC)),
                .inventory = stream::Descriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC))};
    }
    // Workers end by themselves; only the fake does not know, and those who wait for it.
    void all_ended() {
        for (const ContainerSpec& one : engine.created()) {
            if (!engine.exists(one.name))
                continue;
            engine.change(one.name, [](podman::Container& it) { it.state = podman::State::exited; });
        }
    }
    [[nodiscard]] ContainerSpec last() const { return engine.created().back(); }

    Folder folder;
    fakes::FakeEngine engine;
    podman::Container self;
    Placement placement;
    UnpackJob unpack_job;
    SettleJob settle_job;
    std::vector<pid_t> started;
    const std::stop_token never;
};

TEST_F(ContainerRestoreTest, EachHasThatMountAndThoseCapabilities) {
    if (::geteuid() != 0)
        GTEST_SKIP() << "needs root";
    DecryptJob decrypt_job;
    decrypt_job.component = "grafana";
    const auto decryptor =
        launcher()->decrypt(decrypt_job, placement, streams("/proc/self/exe"), streams("/proc/self/exe"));
    EXPECT_THAT(last().capabilities, IsEmpty());
    EXPECT_THAT(last().volumes, IsEmpty());
    ASSERT_THAT(last().binds, SizeIs(1));
    EXPECT_EQ(last().binds[0].destination, "/control");
    EXPECT_EQ(last().labels.at("miraclemax.run"), "r1");

    const auto comparing = launcher()->unpack(unpack_job, placement, streams("/proc/self/exe"));
    EXPECT_THAT(last().capabilities, IsEmpty());
    EXPECT_THAT(last().volumes, IsEmpty());
    EXPECT_THAT(last().binds, SizeIs(1));

    unpack_job.store = true;
    unpack_job.options.trusted_xattrs = true;
    const auto storing = launcher()->unpack(unpack_job, placement, streams("/proc/self/exe"));
    EXPECT_THAT(last().capabilities,
                ElementsAre("CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "SETFCAP", "MKNOD"));
    ASSERT_THAT(last().volumes, SizeIs(1));
    EXPECT_EQ(last().volumes[0].destination, "/data");
    EXPECT_FALSE(last().volumes[0].read_only);
    const auto trusting = launcher(true)->unpack(unpack_job, placement, streams("/proc/self/exe"));
    EXPECT_THAT(last().capabilities, testing::Contains("SYS_ADMIN"));

    const auto settler = launcher()->settle(settle_job, placement);
    EXPECT_THAT(last().capabilities, ElementsAre("CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "SETFCAP"));
    EXPECT_THAT(last().volumes, SizeIs(1));

    placement.volume.clear();
    const auto path = launcher()->settle(settle_job, placement);
    EXPECT_THAT(last().volumes, IsEmpty());
    EXPECT_EQ(last().binds[0].source, (folder.path / "target").string());
    EXPECT_EQ(last().binds[0].destination, "/data");
    EXPECT_FALSE(last().binds[0].read_only);
    settle_job.site.single = true;
    placement.path = folder.path / "target/config.yaml";
    const auto single = launcher()->settle(settle_job, placement);
    EXPECT_EQ(last().binds[0].source, (folder.path / "target").string());
    all_ended();
}

TEST_F(ContainerRestoreTest, AWholeRestoreInARootOfItsOwn) {
    if (::geteuid() != 0)
        GTEST_SKIP() << "needs root";
    Job job;
    job.component = "grafana";
    Placement here;
    here.local_path = folder.path / "data";
    here.folder = folder.path / "out";
    const Outcome outcome = whole(*child_launcher("/proc/self/exe", {})->launch(job, here));
    unpack_job.promise = {.prefix = "grafana",
                          .single = false,
                          .entries = outcome.tally.entries,
                          .files = outcome.tally.files,
                          .tar_size = outcome.tar.size,
                          .tar_sha256 = outcome.tar.sha256};
    unpack_job.store = true;
    Streams from{.archive = streams(folder.path / "out/grafana.tar.gz").archive,
                 .inventory = streams(folder.path / "out/grafana.mtree.gz").inventory};
    auto unpacker = launcher()->unpack(unpack_job, placement, std::move(from));
    EXPECT_EQ(unpacker->finish({}, never).unpacked, 2U);
    EXPECT_TRUE(fs::exists(folder.path / "target/old"));
    unpacker->swap(never);
    EXPECT_EQ(get(folder.path / "target/new"), "y");
    EXPECT_FALSE(fs::exists(folder.path / "target/old"));
    all_ended();
    unpacker.reset();
    const auto settler = launcher()->settle(settle_job, placement);
    EXPECT_EQ(settler->finish(never), archive::Holds::new_data);
    all_ended();
}

TEST_F(ContainerRestoreTest, AVolumeThatIsNotTheOneMeantIsRefused) {
    placement.volume_created_at = "later";
    EXPECT_THAT(failure_of([&] { launcher()->settle(settle_job, placement); }).what(),
                HasSubstr("made anew while the restore ran"));
    engine.remove_volume("grafana");
    EXPECT_EQ(failure_of([&] { launcher()->settle(settle_job, placement); }).code(), ExitCode::not_found);
    EXPECT_THAT(engine.created(), IsEmpty());
}

} // namespace
} // namespace miraclemax::worker
