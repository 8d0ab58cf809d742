// Workers of a restore that are killed, hang, lose their controller, or are told nonsense.
#include "restoring_bench.hpp"

#include "worker/channel.hpp"
#include "worker/protocol.hpp"

#include <csignal>
#include <future>
#include <map>

#include <sys/socket.h>

namespace miraclemax::worker {
namespace {

using testing::HasSubstr;
using namespace std::chrono_literals;

class RestoreHardLifeTest : public RestoringTest {
protected:
    // A worker without a launcher, which would kill it.
    void start() {
        std::array<int, 2> ends{};
        ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
        process = std::make_unique<ChildProcess>(
            std::vector<std::string>{"/proc/self/exe", "worker", "--descriptor", "3"},
            stream::Descriptor(ends[1]));
        channel.emplace(stream::Descriptor(ends[0]));
    }
    void tell(const Request& request, std::vector<stream::Descriptor> descriptors = {}) {
        channel->send(encode(request), descriptors, 10s);
    }
    template<class Expected> std::optional<Expected> hear() {
        std::string line;
        while (channel->receive(line, 60s, longest_reply) == Channel::Got::line) {
            Reply reply = parse_reply(line);
            if (auto* expected = std::get_if<Expected>(&reply))
                return *expected;
        }
        return std::nullopt;
    }
    UnpackOrder order() {
        unpack_job.store = true;
        unpack_job.site.root = target();
        return {unpack_job};
    }
    static std::vector<stream::Descriptor> listed(Streams streams) {
        std::vector<stream::Descriptor> all;
        all.push_back(std::move(streams.archive));
        all.push_back(std::move(streams.inventory));
        return all;
    }
    // Ends within the time that becomes() waits.
    static bool ended() {
        return becomes([] { return below(::getpid()).empty(); });
    }
    // The homes of all agents there are; and that of one whose home this process holds: other tests and
    // programs have some too.
    static std::map<fs::path, int> agents() {
        std::map<fs::path, int> homes;
        for (const Process& one : processes()) {
            const std::string words = get("/proc/" + std::to_string(one.id) + "/cmdline");
            const auto at = words.find("/dev/shm/mm-");
            if (at != std::string::npos && words.rfind("gpg-agent", 0) == 0)
                homes[words.substr(at, words.find('\0', at) - at)] = one.id;
        }
        return homes;
    }
    static fs::path agents_home() {
        std::error_code gone;
        const auto all = agents();
        for (const auto& held : fs::directory_iterator("/proc/self/fd"))
            if (const auto home = fs::read_symlink(held.path(), gone); all.count(home) != 0)
                return home;
        return {};
    }
    std::unique_ptr<ChildProcess> process;
    std::optional<Channel> channel;
};

TEST_F(RestoreHardLifeTest, AKilledUnpackerIsReportedAndSettled) {
    back_up();
    fault("worker.sealed:hang");
    begin_plain(true);
    EXPECT_TRUE(becomes([&] { return fs::exists(staging() / "phase"); }));
    ::kill(below(::getpid()).front(), SIGKILL);
    const Error error = failure_of([&] { unpacker->finish({}, never); });
    EXPECT_EQ(error.code(), ExitCode::failed);
    EXPECT_THAT(error.what(), HasSubstr("the worker that unpacks component n8n was killed by signal 9"));
    unpacker.reset();
    EXPECT_TRUE(fs::exists(staging()));
    fault(nullptr);
    EXPECT_EQ(settle(Settling::settle), archive::Holds::old_data);
    EXPECT_FALSE(fs::exists(staging()));
    EXPECT_TRUE(only_old_data());
}

TEST_F(RestoreHardLifeTest, WithoutAGoTheStagingFolderGoes) {
    back_up();
    begin_plain(true);
    finish();
    EXPECT_TRUE(fs::exists(staging()));
    unpacker.reset();
    EXPECT_FALSE(fs::exists(staging()));
    EXPECT_TRUE(only_old_data());
    EXPECT_TRUE(below(::getpid()).empty());
}

TEST_F(RestoreHardLifeTest, AControllerThatDiesBeforeGoLeavesTheOldData) {
    back_up();
    start();
    tell(order(), listed(files()));
    ASSERT_TRUE(hear<archive::Unpacked>());
    EXPECT_TRUE(fs::exists(staging()));
    channel.reset();
    EXPECT_TRUE(ended());
    EXPECT_FALSE(fs::exists(staging()));
    EXPECT_TRUE(only_old_data());
    EXPECT_THAT(process->autopsy(), HasSubstr("exit code 12"));
}

TEST_F(RestoreHardLifeTest, AControllerThatDiesWhileNothingFlowsLeavesTheOldData) {
    back_up();
    start();
    auto both = pipes();
    tell(order(), listed(std::move(both.reading)));
    EXPECT_TRUE(becomes([&] { return fs::exists(staging()); }));
    channel.reset();
    EXPECT_TRUE(ended()) << "though the writers of its pipes live";
    EXPECT_FALSE(fs::exists(staging()));
}

TEST_F(RestoreHardLifeTest, ASwapThatBeganIsFinishedWithoutAController) {
    back_up();
    start();
    tell(order(), listed(files()));
    ASSERT_TRUE(hear<archive::Unpacked>());
    tell(Go{});
    channel.reset();
    EXPECT_TRUE(ended());
    EXPECT_TRUE(same_as_data());
    EXPECT_EQ(settle(Settling::settle), archive::Holds::new_data);
}

// The next controller settles what the one before left: but not under its worker, which may still move names.
TEST_F(RestoreHardLifeTest, ASettlerWaitsForAWorkerThatOutlivedItsController) {
    back_up();
    fault("worker.swap:hang");
    start();
    tell(order(), listed(files()));
    ASSERT_TRUE(hear<archive::Unpacked>());
    tell(Go{});
    const auto orphan = below(::getpid()).front();
    channel.reset();
    fault(nullptr);
    auto settled = std::async(std::launch::async, [&] { return settle(Settling::settle); });
    EXPECT_EQ(settled.wait_for(std::chrono::milliseconds(500)), std::future_status::timeout);
    EXPECT_TRUE(fs::exists(staging()));
    ::kill(orphan, SIGKILL);
    EXPECT_EQ(settled.get(), archive::Holds::old_data);
    EXPECT_FALSE(fs::exists(staging()));
    EXPECT_TRUE(only_old_data());
}

TEST_F(RestoreHardLifeTest, AnErrorInTheSwapLeavesItToSettle) {
    back_up();
    fault("worker.swap:error");
    begin_plain(true);
    finish();
    EXPECT_THAT(failure_of([&] { unpacker->swap(never); }).what(), HasSubstr("worker.swap"));
    unpacker.reset();
    fault(nullptr);
    EXPECT_EQ(settle(Settling::settle), archive::Holds::old_data);
    EXPECT_TRUE(only_old_data());
    EXPECT_FALSE(fs::exists(staging()));
}

TEST_F(RestoreHardLifeTest, AKilledDecryptorLeavesNoHomeAndNoAgent) {
    const Person person;
    back_up_for(person);
    fault("worker.decrypt:hang");
    auto both = pipes();
    decryptor = launcher()->decrypt(decrypt_job, placement, files(), std::move(both.writing));
    const int leader = below(::getpid()).front();
    fs::path home;
    EXPECT_TRUE(becomes([&] {
        home = agents_home();
        return !home.empty();
    }));
    ::kill(leader, SIGKILL);
    EXPECT_THAT(failure_of([&] { decryptor->finish(never); }).what(),
                HasSubstr("the worker that decrypts component n8n was killed by signal 9"));
    decryptor.reset();
    EXPECT_FALSE(fs::exists(home));
    EXPECT_TRUE(becomes([&] { return agents().count(home) == 0; }));
}

TEST_F(RestoreHardLifeTest, ADecryptorThatStandsStillIsFoundAndOneWithoutReadersEnds) {
    const Person person;
    back_up_for(person);
    auto both = pipes();
    decryptor =
        launcher({.standstill = 1500ms})->decrypt(decrypt_job, placement, files(), std::move(both.writing));
    // Nobody reads: 3 MB that compress to little fit into the pipe. So the inventory's reader goes.
    both.reading.inventory.reset();
    both.reading.archive.reset();
    const Error error = failure_of([&] { decryptor->finish(never); });
    EXPECT_EQ(error.code(), ExitCode::failed) << error.what();
    EXPECT_THAT(error.what(),
                testing::AnyOf(HasSubstr("the worker that unpacks it ended"), HasSubstr("hangs")));
}

TEST_F(RestoreHardLifeTest, AnUnpackerThatGetsNothingHangs) {
    back_up();
    auto both = pipes();
    unpack_job.store = false;
    unpacker = launcher({.standstill = 1500ms})->unpack(unpack_job, placement, std::move(both.reading));
    EXPECT_THAT(failure_of([&] { unpacker->finish({}, never); }).what(), HasSubstr("it hangs"));
}

TEST_F(RestoreHardLifeTest, TheWorkersAreLockedDown) {
    if (::geteuid() != 0)
        GTEST_SKIP() << "needs root";
    const Person person;
    // More than a pipe holds, so that the decryptor is still there.
    ASSERT_EQ(shell("head -c 6000000 /dev/urandom > " + (folder.path / "data/noise").string()), 0);
    back_up_for(person);
    fault("worker.unpack:hang");
    begin(true);
    EXPECT_TRUE(becomes([&] { return fs::exists(staging()); }));
    int keyless = 0;
    int keyed = 0;
    for (const int one : below(::getpid())) {
        std::string status;
        EXPECT_TRUE(becomes([&] { // the decryptor may still be at it
            status = get("/proc/" + std::to_string(one) + "/status");
            return status.find("Seccomp:\t2") != std::string::npos;
        }));
        EXPECT_THAT(status, HasSubstr("NoNewPrivs:\t1"));
        keyless += status.find("CapEff:\t000000008800001b") != std::string::npos ? 1 : 0;
        if (status.find("CapEff:\t0000000000000000") == std::string::npos)
            continue;
        ++keyed;
        // Where namespaces may be made.
        const auto space = [](const std::string& who, const char* kind) {
            return fs::read_symlink("/proc/" + who + "/ns/" + kind).string();
        };
        const std::string who = std::to_string(one);
        if (shell("unshare -m -n true 2>/dev/null") != 0)
            continue;
        EXPECT_NE(space(who, "net"), space("self", "net"));
        EXPECT_NE(space(who, "mnt"), space("self", "mnt"));
        EXPECT_TRUE(fs::is_empty("/proc/" + who + "/root/run"));
        EXPECT_TRUE(fs::is_empty("/proc/" + who + "/root" + target().string()))
            << "its volume is out of sight";
    }
    EXPECT_EQ(keyless, 1);
    EXPECT_GE(keyed, 1);
    for (const int one : below(::getpid())) // a hanging one would be waited for
        ::kill(one, SIGKILL);
    EXPECT_TRUE(fs::exists(target() / "old"));
}

TEST_F(RestoreHardLifeTest, DescriptorsThatDoNotFitAreNonsense) {
    back_up();
    const auto refused = [&](const Request& request, std::vector<stream::Descriptor> descriptors) {
        start();
        EXPECT_TRUE(hear<Hello>());
        tell(request, std::move(descriptors));
        const auto failure = hear<Failure>();
        EXPECT_TRUE(failure);
        EXPECT_THAT(failure ? failure->message : "", HasSubstr("nonsense"));
        channel.reset();
        EXPECT_TRUE(ended());
    };
    const auto some = [&](std::size_t count) {
        std::vector<stream::Descriptor> all;
        while (all.size() < count)
            all.push_back(opened(out(leaves.archive)));
        return all;
    };
    job.root = folder.path / "data";
    refused(Order{.job = job}, some(1));
    refused(order(), {});
    refused(order(), some(1));
    refused(order(), some(4));
    refused(DecryptOrder{.job = decrypt_job}, some(2));
    SettleJob settling;
    settling.component = "n8n";
    refused(SettleOrder{settling}, some(2));
    std::vector<stream::Descriptor> folders;
    folders.push_back(opened(folder.path));
    folders.push_back(opened("/dev/null"));
    refused(order(), std::move(folders));
    EXPECT_FALSE(fs::exists(staging()));
}

TEST_F(RestoreHardLifeTest, AStopRequestEndsTheWaiting) {
    back_up();
    auto both = pipes();
    unpack_job.store = true;
    unpacker = launcher()->unpack(unpack_job, placement, std::move(both.reading));
    std::stop_source source;
    source.request_stop();
    EXPECT_EQ(failure_of([&] { unpacker->finish({}, source.get_token()); }).code(), ExitCode::interrupted);
    unpacker.reset();
    EXPECT_FALSE(fs::exists(staging()));
}

} // namespace
} // namespace miraclemax::worker
