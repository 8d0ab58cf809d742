#include "child_bench.hpp"

#include "stream/digest.hpp"
#include "worker/channel.hpp"
#include "worker/protocol.hpp"

#include <gmock/gmock.h>

#include <csignal>

#include <poll.h>
#include <sys/socket.h>

namespace miraclemax::worker {
namespace {

using testing::HasSubstr;
using namespace std::chrono_literals;

TEST_F(ChildLauncherTest, AnEncryptedArchiveOpensWithStockTools) {
    const Person person;
    encrypt_to(person);
    job.threads = 2;
    auto worker = launch();
    const Outcome outcome = whole(*worker);
    worker.reset();
    EXPECT_EQ(outcome.tally.files, 2U);
    EXPECT_EQ(outcome.tally.entries, 5U);
    EXPECT_EQ(outcome.archive, stream::digest_of_file(out("n8n.tar.gz.gpg")));
    EXPECT_EQ(outcome.inventory, stream::digest_of_file(out("n8n.mtree.gz.gpg")));
    EXPECT_EQ(outcome.report, stream::digest_of_file(out("n8n.report.gz.gpg")));
    const std::string open = person.gpg() + " --decrypt " + out("n8n.tar.gz.gpg").string() + " | gunzip";
    expect_same(open);
    ASSERT_EQ(shell(open + " > " + (folder.path / "plain").string()), 0);
    EXPECT_EQ(outcome.tar, stream::digest_of_file(folder.path / "plain"));
    EXPECT_EQ(
        shell(person.gpg() + " --decrypt " + out("n8n.mtree.gz.gpg").string() + " | gunzip | grep -q deep"),
        0);
}

TEST_F(ChildLauncherTest, APassphraseWorksThoughTheWorkerMayNotTalkToAnAgent) {
    job.passphrase = "open sesame, p\xc3\xa4ss";
    put(folder.path / "pw", job.passphrase);
    whole(*launch());
    const Folder home;
    const std::string gpg =
        "gpg --homedir " + home.path.string() + " --batch --quiet --pinentry-mode loopback ";
    expect_same(gpg + "--passphrase-file " + (folder.path / "pw").string() + " --decrypt " +
                out("n8n.tar.gz.gpg").string() + " | gunzip");
    // Guessing must cost: 65011712 is the most that OpenPGP's S2K can say (RFC 9580, 3.7.1.3).
    EXPECT_EQ(shell(gpg + "--passphrase-file " + (folder.path / "pw").string() + " --list-packets " +
                    out("n8n.tar.gz.gpg").string() + " 2>/dev/null | grep -q 'count 65011712'"),
              0);
    shell("gpgconf --homedir " + home.path.string() + " --kill all");
}

TEST_F(ChildLauncherTest, PlainAndZstd) {
    job.compression = Compression::zstd;
    whole(*launch());
    expect_same("zstd -dc " + out("n8n.tar.zst").string());
    EXPECT_EQ(fs::status(out("n8n.tar.zst")).permissions(), fs::perms::owner_read | fs::perms::owner_write);
}

TEST_F(ChildLauncherTest, NothingIsReadBeforeGo) {
    auto worker = launch();
    worker->wait_ready(never);
    put(folder.path / "data/late", "written after ready, before go");
    worker->go();
    worker->wait_read({}, std::nullopt, never);
    put(folder.path / "data/later", "written after read");
    worker->finish({}, never);
    fs::remove(folder.path / "data/later");
    expect_same("gunzip -c " + out("n8n.tar.gz").string());
}

TEST_F(ChildLauncherTest, TheWorkerIsLockedDownAndItsSecretsShowNowhere) {
    const Person person;
    job.passphrase = "verysecretword";
    ::setenv("MIRACLEMAX_SOMETHING", "verysecretword", 1);
    auto worker = launch();
    worker->wait_ready(never);
    ::unsetenv("MIRACLEMAX_SOMETHING");
    const int leader = below(::getpid()).front();
    EXPECT_TRUE(becomes([&] { return group(leader).size() >= 4; })) << "the worker and a gpg for each file";
    for (const int process : group(leader)) {
        const fs::path proc = "/proc/" + std::to_string(process);
        EXPECT_THAT(get(proc / "cmdline"), testing::Not(HasSubstr("verysecretword")));
        EXPECT_THAT(get(proc / "environ"), testing::Not(HasSubstr("verysecretword")));
        const std::string status = get(proc / "status");
        EXPECT_THAT(status, HasSubstr("NoNewPrivs:\t1"));
        EXPECT_THAT(status, HasSubstr("Seccomp:\t2"));
        if (::geteuid() == 0) {
            EXPECT_THAT(status, HasSubstr("CapEff:\t0000000000000004"));
        }
    }
    worker->go();
    worker->wait_read({}, std::nullopt, never);
    worker->finish({}, never);
}

TEST_F(ChildLauncherTest, ADeadWorkerIsReportedWithItsSignalAndLeavesNothing) {
    const Person person;
    encrypt_to(person);
    fault("worker.read:hang");
    auto worker = launch();
    worker->wait_ready(never);
    const int process = below(::getpid()).front();
    const std::string home = home_of(process);
    ASSERT_TRUE(fs::exists(home)) << home;
    worker->go();
    ::kill(process, SIGKILL);
    const Error error = failure_of([&] { worker->wait_read({}, std::nullopt, never); });
    EXPECT_EQ(error.code(), ExitCode::failed);
    EXPECT_THAT(error.what(), HasSubstr("the worker of component n8n was killed by signal 9"));
    worker.reset();
    EXPECT_FALSE(fs::exists(home));
    EXPECT_TRUE(becomes([&] { return group(process).empty(); }));
    EXPECT_TRUE(becomes([&] { return below(::getpid()).empty(); }));
}

TEST_F(ChildLauncherTest, NoAgentIsStarted) {
    const Person person;
    encrypt_to(person);
    fault("worker.read:hang");
    auto worker = launch();
    worker->wait_ready(never);
    for (const int process : group(below(::getpid()).front()))
        EXPECT_THAT(get("/proc/" + std::to_string(process) + "/cmdline"),
                    testing::Not(HasSubstr("gpg-agent")));
    const std::string home = home_of(below(::getpid()).front());
    EXPECT_TRUE(fs::exists(fs::path(home) / "pubring.kbx"));
    EXPECT_FALSE(fs::exists(fs::path(home) / "S.gpg-agent"));
}

TEST_F(ChildLauncherTest, AStopRequestEndsTheWaiting) {
    fault("worker.read:hang");
    auto worker = launch();
    worker->wait_ready(never);
    worker->go();
    std::stop_source source;
    std::jthread later([&] { source.request_stop(); });
    EXPECT_EQ(failure_of([&] { worker->wait_read({}, std::nullopt, source.get_token()); }).code(),
              ExitCode::interrupted);
    EXPECT_EQ(failure_of([&] { worker->finish({}, source.get_token()); }).code(), ExitCode::interrupted);
}

TEST_F(ChildLauncherTest, WhatFailsInTheWorkerComesAsItsOwnError) {
    put(out("n8n.tar.gz"), "in the way");
    const Error full = failure_of([&] { launch()->wait_ready(never); });
    EXPECT_THAT(full.what(), HasSubstr("n8n.tar.gz"));
    EXPECT_EQ(get(out("n8n.tar.gz")), "in the way");
    fs::remove(out("n8n.tar.gz"));

    placement.local_path = folder.path / "gone";
    EXPECT_THAT(failure_of([&] { launch()->wait_ready(never); }).what(), HasSubstr("gone"));
    EXPECT_TRUE(nothing_in_the_folder());

    job.keyring = "no key";
    job.fingerprints = {std::string(40, 'A')};
    EXPECT_EQ(failure_of([&] { launch()->wait_ready(never); }).code(), ExitCode::key);
    EXPECT_TRUE(nothing_in_the_folder());
}

TEST_F(ChildLauncherTest, AFailureWhileFinishingLeavesNoFiles) {
    fault("worker.finish:error");
    auto worker = launch();
    worker->wait_ready(never);
    worker->go();
    worker->wait_read({}, std::nullopt, never);
    EXPECT_THAT(failure_of([&] { worker->finish({}, never); }).what(), HasSubstr("worker.finish"));
    worker.reset();
    EXPECT_TRUE(nothing_in_the_folder());
}

TEST_F(ChildLauncherTest, ProgramsThatWriteNonsense) {
    const std::vector<std::pair<std::string, std::string>> table{
        {"echo moin >&3; sleep 60", "nonsense"},
        {"echo '{\"ready\":true}' >&3; sleep 60", "out of turn"},
        {"echo '{\"hello\":77}' >&3; sleep 60", "version 77"},
        {"echo '{\"hello\":4}' >&3; read line <&3; echo '{\"read\":true}' >&3; sleep 60", "out of turn"},
        {"head -c 200000 /dev/zero >&3; sleep 60", "without an end"},
        {"echo 'my last words' >&2; exit 7", "ended with exit code 7; its last words: my last words"},
        {"head -c 300000 /dev/zero | tr '\\0' x >&2; echo '{\"hello\":77}' >&3; sleep 60", "version 77"},
        {"sleep 60", "time ran out before it was ready"},
    };
    const fs::path script = folder.path / "script";
    for (const auto& [text, expected] : table) {
        put(script, "#!/bin/sh\n" + text + "\n");
        fs::permissions(script, fs::perms::owner_all);
        // The last one alone runs into it.
        const Limits limits{.ready = text == "sleep 60" ? 300ms : 60'000ms};
        auto worker = child_launcher(script, limits)->launch(job, placement);
        const Error error = failure_of([&] { worker->wait_ready(never); });
        EXPECT_EQ(error.code(), ExitCode::failed) << text;
        EXPECT_THAT(error.what(), HasSubstr(expected)) << text;
        worker.reset();
        EXPECT_TRUE(becomes([] { return below(::getpid()).empty(); })) << text;
    }
}

TEST_F(ChildLauncherTest, AMissingProgramAndUnseenDataAreErrors) {
    EXPECT_THAT(failure_of([&] { child_launcher("/nowhere/x", {})->launch(job, placement); }).what(),
                HasSubstr("/nowhere/x"));
    placement.local_path.clear();
    EXPECT_THAT(failure_of([&] { launch(); }).what(), HasSubstr("doesn't see its data"));
}

// Not by the launcher, which kills its child: what a controller's death does.
TEST_F(ChildLauncherTest, AWorkerEndsWhenItsControllerIsGone) {
    fault("worker.read:hang");
    job.root = placement.local_path;
    job.folder = placement.folder;
    std::array<int, 2> ends{};
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
    ChildProcess process({"/proc/self/exe", "worker", "--descriptor", "3"}, stream::Descriptor(ends[1]));
    {
        Channel channel{stream::Descriptor(ends[0])};
        channel.send(encode(Request{Order{.job = job}}), 1s);
        channel.send(encode(Request{Go{}}), 1s);
        std::string line;
        do {
            ASSERT_EQ(channel.receive(line, 60s, longest_reply), Channel::Got::line);
        } while (!std::holds_alternative<Ready>(parse_reply(line)));
        ASSERT_EQ(below(::getpid()).size(), 1U);
    }
    EXPECT_TRUE(becomes([] { return below(::getpid()).empty(); }));
    EXPECT_THAT(process.autopsy(), HasSubstr("exit code 12"));
}

TEST(ChildProcessTest, GivesNoOtherDescriptorsAndNoOtherVariables) {
    const Folder folder;
    const fs::path script = folder.path / "script";
    put(script, "#!/bin/sh\nls /proc/self/fd | tr '\\n' ' '; env | grep -c SECRETX\n");
    fs::permissions(script, fs::perms::owner_all);
    std::array<int, 2> leaky{};
    ASSERT_EQ(::pipe(leaky.data()), 0); // not close-on-exec
    ::setenv("SECRETX", "1", 1);
    std::array<int, 2> ends{};
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
    ChildProcess process({script}, stream::Descriptor(ends[1]));
    ::unsetenv("SECRETX");
    pollfd closed{.fd = ends[0], .events = POLLIN, .revents = 0};
    ASSERT_EQ(::poll(&closed, 1, 60'000), 1); // it has ended
    // "4" is ls's own, of the folder it lists.
    EXPECT_THAT(process.autopsy(), HasSubstr("0 1 2 3 4 0"));
    for (const int one : {leaky[0], leaky[1], ends[0]})
        ::close(one);
}

} // namespace
} // namespace miraclemax::worker
