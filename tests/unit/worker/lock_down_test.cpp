#include "bench.hpp"

#include "worker/lock_down.hpp"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <thread>

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>

namespace miraclemax::worker {
namespace {

// The exit code of a forked process that runs this.
int in_a_process(const std::function<int()>& act) {
    const pid_t child = ::fork();
    if (child == 0) {
        int code = 99;
        try {
            code = act();
        } catch (...) {
        }
        ::_exit(code);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 100 + WTERMSIG(status);
}

class LockDown : public testing::Test {
protected:
    LockDown() {
        std::strncpy(address.sun_path, (folder.path / "podman.sock").c_str(), sizeof address.sun_path - 1);
        listening = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        EXPECT_EQ(::bind(listening, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
        EXPECT_EQ(::listen(listening, 5), 0);
        EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, pair.data()), 0);
    }
    ~LockDown() override {
        for (const int one : {listening, pair[0], pair[1]})
            ::close(one);
    }
    void lock() const {
        isolate(pair[0]);
        drop_capabilities(Purpose::reading, false);
        deny_system_calls(Sockets::none);
    }
    // 0: connected; else the errno of the call that was refused
    [[nodiscard]] int connect() const {
        const int socket = ::socket(AF_UNIX, SOCK_STREAM, 0);
        if (socket < 0)
            return errno;
        return ::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 ? 0
                                                                                                   : errno;
    }
    Folder folder;
    sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
    int listening = -1;
    std::array<int, 2> pair{};
};

TEST_F(LockDown, NothingInsideReachesASocket) {
    EXPECT_EQ(in_a_process([this] { return connect(); }), 0) << "without it, the socket must be in reach";
    EXPECT_EQ(in_a_process([this] {
                  lock();
                  return connect();
              }),
              EPERM);
}

TEST_F(LockDown, NoProgramItStartsReachesASocketEither) {
    const std::string script =
        "import socket,sys\ntry:\n s=socket.socket(socket.AF_UNIX); s.connect(sys.argv[1])\n"
        "except PermissionError: sys.exit(7)\n";
    const auto run = [&](bool locked) {
        return in_a_process([&] {
            if (locked)
                lock();
            ::execlp("python3", "python3", "-c", script.c_str(), address.sun_path, nullptr);
            return 98;
        });
    };
    if (run(false) == 98)
        GTEST_SKIP() << "no python3";
    EXPECT_EQ(run(false), 0);
    EXPECT_EQ(run(true), 7);
}

TEST_F(LockDown, ThreadsThatRanBeforeAreLockedToo) {
    EXPECT_EQ(in_a_process([this] {
                  std::atomic<bool> locked = false;
                  std::atomic<int> answer = -1;
                  std::thread before([&] {
                      while (!locked)
                          std::this_thread::yield();
                      answer = connect();
                  });
                  lock();
                  locked = true;
                  before.join();
                  return answer.load();
              }),
              EPERM);
}

TEST_F(LockDown, OtherWaysAroundAreClosed) {
    EXPECT_EQ(in_a_process([this] {
                  lock();
                  std::array<int, 2> more{};
                  if (::socketpair(AF_UNIX, SOCK_DGRAM, 0, more.data()) == 0 || errno != EPERM)
                      return 1;
                  if (::syscall(SYS_io_uring_setup, 1, nullptr) == 0 || errno != EPERM)
                      return 2;
                  if (::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) == 0 || errno != EPERM)
                      return 3;
                  if (::unshare(CLONE_NEWUSER) == 0 || errno != EPERM)
                      return 4;
                  if (::mount("none", "/mnt", "tmpfs", 0, nullptr) == 0 || errno != EPERM)
                      return 5;
                  if (::syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, nullptr, nullptr, nullptr, nullptr) !=
                          -1 ||
                      errno != EPERM)
                      return 6;
                  if (::syscall(SYS_open_by_handle_at, -1, nullptr, 0) == 0 || errno != EPERM)
                      return 7;
                  return 0;
              }),
              0);
}

TEST_F(LockDown, ADecryptorMayTalkToItsAgentAndNobodyElse) {
    EXPECT_EQ(in_a_process([this] {
                  isolate(pair[0]);
                  drop_capabilities(Purpose::nothing, false);
                  deny_system_calls(Sockets::local);
                  if (connect() != 0)
                      return 1;
                  if (::socket(AF_INET, SOCK_STREAM, 0) >= 0 || errno != EPERM)
                      return 2;
                  if (::socket(AF_NETLINK, SOCK_RAW, 0) >= 0 || errno != EPERM)
                      return 3;
                  std::array<int, 2> more{};
                  if (::socketpair(AF_UNIX, SOCK_STREAM, 0, more.data()) != 0)
                      return 4;
                  if (::unshare(CLONE_NEWUSER) == 0 || errno != EPERM)
                      return 5;
                  if (::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) == 0 || errno != EPERM)
                      return 6;
                  return 0;
              }),
              0);
}

TEST_F(LockDown, EachPurposeKeepsItsCapabilitiesAndNoOthers) {
    if (::geteuid() != 0)
        GTEST_SKIP() << "needs root";
    const std::vector<std::pair<Purpose, const char*>> table{{Purpose::reading, "0000000000000004"},
                                                             {Purpose::unpacking, "000000008800001b"},
                                                             {Purpose::settling, "000000008000001b"},
                                                             {Purpose::nothing, "0000000000000000"}};
    for (const auto& [purpose, mask] : table) {
        EXPECT_EQ(in_a_process([this, purpose = purpose, mask = mask] {
                      isolate(pair[0]);
                      drop_capabilities(purpose, false);
                      const std::string status = get("/proc/self/status");
                      for (const char* set : {"CapEff:\t", "CapPrm:\t", "CapBnd:\t"}) {
                          if (status.find(std::string(set) + mask) == std::string::npos)
                              return 1;
                      }
                      return 0;
                  }),
                  0)
            << mask;
    }
}

TEST_F(LockDown, HidesFoldersButForWhatIsKeptInThem) {
    if (::geteuid() != 0 || in_a_process([] { return ::unshare(CLONE_NEWNS) == 0 ? 0 : 1; }) != 0)
        GTEST_SKIP() << "may not make namespaces";
    const fs::path hidden = folder.path / "hidden";
    const fs::path kept = hidden / "deep/kept";
    fs::create_directories(kept);
    put(kept / "inside", "x");
    put(hidden / "secret", "x");
    fs::create_directory_symlink(kept, folder.path / "link");
    EXPECT_EQ(in_a_process([&] {
                  isolate(pair[0]);
                  hide({hidden, folder.path / "absent", folder.path / "link"}, kept);
                  drop_capabilities(Purpose::nothing, false);
                  if (fs::exists(hidden / "secret"))
                      return 1;
                  if (!fs::exists(kept / "inside"))
                      return 2;
                  put(kept / "made", "y");
                  return 0;
              }),
              0);
    EXPECT_TRUE(fs::exists(hidden / "secret")) << "for this process nothing changed";
    EXPECT_EQ(get(kept / "made"), "y");
}

// Nor the memory of a controller that has no more capabilities than it, as one in a container may have.
TEST_F(LockDown, TheControllersMemoryIsOutOfReach) {
    const auto reaches = [this](bool shielded) {
        return in_a_process([&] {
            ::prctl(PR_SET_DUMPABLE, 1L, 0L, 0L, 0L); // another test's launcher may have been here
            drop_capabilities(Purpose::reading, false);
            const auto launcher = shielded ? child_launcher("/nowhere", {}) : nullptr;
            const std::string memory = "/proc/" + std::to_string(::getpid()) + "/mem";
            return in_a_process([&] {
                lock();
                return ::open(memory.c_str(), O_RDWR) >= 0 ? 1 : 0;
            });
        });
    };
    if (reaches(false) == 0)
        GTEST_SKIP() << "something else forbids it here";
    EXPECT_EQ(reaches(true), 0);
}

TEST_F(LockDown, ClosesWhatItInherited) {
    EXPECT_EQ(in_a_process([this] {
                  lock();
                  const bool kept = ::fcntl(pair[0], F_GETFD) == FD_CLOEXEC;
                  const bool closed = ::fcntl(pair[1], F_GETFD) == -1 && ::fcntl(listening, F_GETFD) == -1;
                  const bool standard = ::fcntl(2, F_GETFD) >= 0;
                  return kept && closed && standard ? 0 : 1;
              }),
              0);
}

TEST_F(LockDown, ReadsEverythingAndWritesNothingOfOthers) {
    if (::geteuid() != 0)
        GTEST_SKIP() << "needs root";
    const fs::path secret = folder.path / "secret";
    put(secret, "x");
    fs::permissions(secret, fs::perms::none);
    ASSERT_EQ(::chown(secret.c_str(), 12345, 12345), 0);
    EXPECT_EQ(in_a_process([&] {
                  lock();
                  const int reading = ::open(secret.c_str(), O_RDONLY);
                  if (reading < 0)
                      return 1;
                  if (::open(secret.c_str(), O_WRONLY) >= 0 || errno != EACCES)
                      return 2;
                  if (::chown(secret.c_str(), 0, 0) == 0)
                      return 3;
                  const int made = ::open((folder.path / "new").c_str(), O_CREAT | O_WRONLY, 0666);
                  return made >= 0 ? 0 : 4;
              }),
              0);
    EXPECT_EQ(fs::status(folder.path / "new").permissions(), fs::perms::owner_read | fs::perms::owner_write);
}

} // namespace
} // namespace miraclemax::worker
