// Workers that hang, are killed, or may not do much.
#include "child_bench.hpp"

#include <csignal>
#include <set>

#include <grp.h>
#include <sys/wait.h>

namespace miraclemax::worker {
namespace {

using testing::HasSubstr;
using namespace std::chrono_literals;

class HardLifeTest : public ChildLauncherTest {};

TEST_F(HardLifeTest, AStoppedWorkerIsFoundByItsSilence) {
    auto worker = launch({.silence = 400ms});
    worker->wait_ready(never);
    ::kill(below(::getpid()).front(), SIGSTOP);
    worker->go();
    const Error error = failure_of([&] { worker->wait_read({}, std::nullopt, never); });
    EXPECT_EQ(error.code(), ExitCode::failed);
    EXPECT_THAT(error.what(), HasSubstr("hangs"));
    worker.reset();
    EXPECT_TRUE(below(::getpid()).empty());
}

TEST_F(HardLifeTest, ABusyWorkerKeepsSayingThatItLives) {
    fault("worker.read:hang");
    auto worker = launch({.silence = 3s});
    worker->wait_ready(never);
    worker->go();
    const Error error =
        failure_of([&] { worker->wait_read({}, std::chrono::steady_clock::now() + 4s, never); });
    EXPECT_THAT(error.what(), HasSubstr("time ran out before everything was read"));
}

TEST_F(HardLifeTest, AWorkerThatLivesButStandsStillIsFound) {
    for (const bool reading : {true, false}) {
        fault(reading ? "worker.read:hang" : "worker.finish:hang");
        job.component = reading ? "first" : "second"; // a killed worker leaves its files
        auto worker = launch({.standstill = 1500ms});
        worker->wait_ready(never);
        worker->go();
        // The deadline is for a build without the fix.
        const auto end = std::chrono::steady_clock::now() + 20s;
        if (!reading)
            worker->wait_read({}, end, never);
        const Error error = failure_of([&] {
            if (reading)
                worker->wait_read({}, end, never);
            else
                worker->finish({}, never);
        });
        EXPECT_EQ(error.code(), ExitCode::failed);
        EXPECT_THAT(error.what(), HasSubstr("neither read nor written anything for 1.5 s: it hangs"));
    }
}

TEST_F(HardLifeTest, AKilledWorkersPassphraseHomesGoToo) {
    const auto homes = [] {
        std::set<fs::path> all;
        for (const auto& one : fs::directory_iterator("/dev/shm")) {
            if (one.path().filename().string().rfind("mm-", 0) == 0)
                all.insert(one.path());
        }
        return all;
    };
    job.passphrase = "secret";
    fault("worker.read:hang");
    auto worker = launch();
    worker->wait_ready(never);
    const int process = below(::getpid()).front();
    const fs::path home = home_of(process);
    EXPECT_EQ(home.parent_path().parent_path(), "/dev/shm") << home;
    EXPECT_EQ(fs::status(home).permissions(), fs::perms::owner_all);
    ASSERT_EQ(homes().count(home.parent_path()), 1U);
    ::kill(process, SIGKILL);
    worker.reset();
    EXPECT_EQ(homes().count(home.parent_path()), 0U);
    EXPECT_FALSE(fs::exists(home));
}

// GPGME waits for ever for a dead gpg whose pipe is full; the way out must be open to a locked worker.
TEST_F(HardLifeTest, KilledGpgsEndTheirWorkerThoughTheirPipesAreFull) {
    const Person person;
    encrypt_to(person);
    job.compression = Compression::none;
    put(folder.path / "data/big", std::string(std::size_t{8} << 20U, 'x')); // more than queue and pipe hold
    auto worker = launch({.standstill = 20s}); // for a build in which it never ends
    worker->wait_ready(never);
    const int leader = below(::getpid()).front();
    std::vector<int> gpgs;
    EXPECT_TRUE(becomes([&] {
        gpgs.clear();
        for (const int one : group(leader)) {
            if (get("/proc/" + std::to_string(one) + "/cmdline").find("--encrypt") != std::string::npos)
                gpgs.push_back(one);
        }
        return gpgs.size() == 3;
    }));
    for (const int one : gpgs)
        ::kill(one, SIGSTOP);
    worker->go();
    std::this_thread::sleep_for(1s); // until they are full
    for (const int one : gpgs)
        ::kill(one, SIGKILL);
    const Error error = failure_of([&] {
        worker->wait_read({}, std::nullopt, never);
        worker->finish({}, never);
    });
    EXPECT_EQ(error.code(), ExitCode::key) << error.what();
    EXPECT_THAT(error.what(), HasSubstr("gpg ended"));
}

// The launcher makes the controller undumpable, and then root owns what is in its /proc/self.
TEST_F(HardLifeTest, WorksForAnOrdinaryUserToo) {
    if (::geteuid() != 0)
        GTEST_SKIP() << "needs root";
    ASSERT_EQ(shell("chown -R 65534:65534 " + folder.path.string()), 0);
    job.passphrase = "secret";
    const pid_t child = ::fork();
    if (child == 0) {
        if (::setgroups(0, nullptr) != 0 || ::setresgid(65534, 65534, 65534) != 0 ||
            ::setresuid(65534, 65534, 65534) != 0)
            ::_exit(2);
        int code = 1;
        try {
            code = whole(*launch()).tally.files == 2 ? 0 : 3;
        } catch (const std::exception& error) {
            const std::string text = error.what();
            [[maybe_unused]] const auto written = ::write(2, text.data(), text.size());
        }
        ::_exit(code);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
}

} // namespace
} // namespace miraclemax::worker
