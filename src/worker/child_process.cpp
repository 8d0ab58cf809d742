#include "worker/child_process.hpp"

#include "error.hpp"
#include "worker/worker_process.hpp"

#include "stream/spawn.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <thread>

#include <fcntl.h>
#include <poll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

extern "C" char** environ; // NOLINT: environ(7) wants it declared

namespace miraclemax::worker {

namespace {

constexpr std::size_t kept_words = 4096;

bool passes(const std::string& variable) {
    const std::string name = variable.substr(0, variable.find('='));
#ifdef MIRACLEMAX_FAULT_POINTS
    if (name.rfind("MIRACLEMAX_FAULT", 0) == 0)
        return true;
#endif
    return name == "PATH" || name == "TZ" || name == "LANG";
}

std::vector<std::string> child_environment() {
    std::vector<std::string> variables;
    for (char** one = environ; *one != nullptr; ++one) {
        if (passes(*one))
            variables.emplace_back(*one);
    }
    if (std::getenv("PATH") == nullptr)
        variables.emplace_back("PATH=/usr/local/bin:/usr/bin:/bin");
#ifdef __SANITIZE_ADDRESS__
    variables.emplace_back("ASAN_OPTIONS=detect_leaks=0"); // it traces, which a locked worker can't
#endif
    return variables;
}

std::vector<char*> pointers(const std::vector<std::string>& texts) {
    std::vector<char*> all;
    for (const std::string& text : texts)
        all.push_back(const_cast<char*>(text.c_str()));
    all.push_back(nullptr);
    return all;
}

void set_up(stream::Spawn& spawn, int handed, int output) {
    ::posix_spawn_file_actions_addopen(&spawn.actions, 0, "/dev/null", O_RDONLY, 0);
    ::posix_spawn_file_actions_adddup2(&spawn.actions, output, 1);
    ::posix_spawn_file_actions_adddup2(&spawn.actions, output, 2);
    ::posix_spawn_file_actions_adddup2(&spawn.actions, handed, 3);
    ::posix_spawn_file_actions_addclosefrom_np(&spawn.actions, 4);
}

Error can_not(const std::string& what, int error_number) {
    return {ExitCode::failed, "can't " + what + ": " + std::strerror(error_number)};
}

} // namespace

ChildProcess::ChildProcess(const std::vector<std::string>& argv, stream::Descriptor handed) {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0)
        throw can_not("make a pipe", errno);
    output_ = stream::Descriptor(ends[0]);
    stream::Descriptor output(ends[1]);
    for (stream::Descriptor* one : {&output, &handed}) {
        *one = stream::lifted(std::move(*one));
        if (!*one)
            throw can_not("duplicate a descriptor", errno);
    }
    ::fcntl(output_.get(), F_SETFL, O_NONBLOCK);
    stream::Spawn spawn(stream::Spawn::Group::own);
    set_up(spawn, handed.get(), output.get());
    const auto variables = child_environment();
    if (const int failed = ::posix_spawn(&pid_, argv.front().c_str(), &spawn.actions, &spawn.attributes,
                                         pointers(argv).data(), pointers(variables).data()))
        throw can_not("start " + argv.front(), failed);
    handle_ = stream::Descriptor(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0U)));
}

ChildProcess::~ChildProcess() {
    end();
}

void ChildProcess::drain() noexcept {
    std::array<char, kept_words> buffer{};
    for (;;) {
        const auto count = ::read(output_.get(), buffer.data(), buffer.size());
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            return;
        words_.append(buffer.data(), static_cast<std::size_t>(count));
        if (words_.size() > 2 * kept_words)
            words_.erase(0, words_.size() - kept_words);
    }
}

bool ChildProcess::reap() noexcept {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(1);
    for (;;) {
        int status = 0;
        const pid_t got = ::waitpid(pid_, &status, WNOHANG);
        if (got == pid_ && WIFSIGNALED(status))
            ending_ = "was killed by signal " + std::to_string(WTERMSIG(status));
        else if (got == pid_)
            ending_ = "ended with exit code " + std::to_string(WEXITSTATUS(status));
        if (got == pid_ || (got < 0 && errno != EINTR))
            return true; // ECHILD: a reaper of all children (process 1) was faster
        if (std::chrono::steady_clock::now() >= end)
            return false;
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
}

void ChildProcess::end() noexcept {
    if (pid_ <= 0 || reaped_)
        return;
    // A process that nobody reaped yet keeps its number, and its group's.
    if (!handle_ || ::syscall(SYS_pidfd_send_signal, handle_.get(), 0, nullptr, 0U) == 0)
        ::kill(-pid_, SIGKILL);
    reaped_ = true;
    if (reap())
        return;
    try { // stuck in the kernel, on a dead NFS server say: releasing containers must not wait for that
        std::thread([pid = pid_] { ::waitpid(pid, nullptr, 0); }).detach();
    } catch (...) {
        return;
    }
}

void ChildProcess::let_end(std::chrono::milliseconds within) noexcept {
    const auto end = std::chrono::steady_clock::now() + within;
    while (!reaped_ && handle_ && std::chrono::steady_clock::now() < end) {
        drain(); // it must not wait for a reader of its words
        pollfd one{.fd = handle_.get(), .events = POLLIN, .revents = 0}; // pidfd_open(2): it has ended
        if (::poll(&one, 1, 20) > 0)
            return;
    }
}

std::string ChildProcess::autopsy() {
    if (!reaped_) {
        reaped_ = reap(); // its own end says more than our signal
        end();
    }
    drain();
    return ending_ + last_words(words_);
}

} // namespace miraclemax::worker
