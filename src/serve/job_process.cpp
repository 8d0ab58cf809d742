#include "serve/job_process.hpp"

#include "error.hpp"
#include "stream/file.hpp"
#include "stream/spawn.hpp"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <optional>
#include <string_view>

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

extern char** environ;

namespace miraclemax::serve {
namespace {

using Clock = std::chrono::steady_clock;

// Keeps the last lines of what passes, and hands it on.
class Echo {
public:
    explicit Echo(stream::Descriptor from) : from_(std::move(from)) {}

    // False: nobody writes any more.
    bool take(int wait_milliseconds) {
        pollfd one{.fd = from_.get(), .events = POLLIN, .revents = 0};
        if (::poll(&one, 1, wait_milliseconds) <= 0)
            return true;
        char buffer[4096];
        const auto count = ::read(from_.get(), buffer, sizeof buffer);
        if (count < 0)
            return errno == EINTR || errno == EAGAIN;
        if (count == 0)
            return false;
        [[maybe_unused]] const auto written = ::write(STDOUT_FILENO, buffer, static_cast<std::size_t>(count));
        for (const char c : std::string_view(buffer, static_cast<std::size_t>(count)))
            if (c == '\n')
                end_line();
            else if (line_.size() < 2000)
                line_ += c;
        return true;
    }
    // What was written before the end lies in the pipe.
    void take_rest() {
        pollfd one{.fd = from_.get(), .events = POLLIN, .revents = 0};
        while (::poll(&one, 1, 0) > 0 && (one.revents & POLLIN) != 0 && take(0)) {
        }
    }
    std::vector<std::string> lines() {
        if (!line_.empty())
            end_line();
        return std::move(lines_);
    }

private:
    void end_line() {
        if (lines_.size() >= 20)
            lines_.erase(lines_.begin());
        lines_.push_back(std::move(line_));
        line_.clear();
    }
    stream::Descriptor from_;
    std::string line_;
    std::vector<std::string> lines_;
};

Error can_not(const std::string& what, int number) {
    return {ExitCode::failed, "can't start a run: " + what + ": " + std::strerror(number)};
}

// Its own process group, no descriptor but 0, 1 and 2.
pid_t start(const std::vector<std::string>& argv, int output) {
    std::vector<char*> words;
    for (const auto& word : argv)
        words.push_back(const_cast<char*>(word.c_str()));
    words.push_back(nullptr);
    stream::Spawn spawn(stream::Spawn::Group::own);
    ::posix_spawn_file_actions_addopen(&spawn.actions, 0, "/dev/null", O_RDONLY, 0);
    ::posix_spawn_file_actions_adddup2(&spawn.actions, output, 1);
    ::posix_spawn_file_actions_adddup2(&spawn.actions, output, 2);
    pid_t pid = -1;
    const int failed =
        ::posix_spawn(&pid, argv.front().c_str(), &spawn.actions, &spawn.attributes, words.data(), environ);
    if (failed != 0)
        throw can_not(argv.front(), failed);
    return pid;
}

int code_of(int status) {
    return WIFEXITED(status) ? WEXITSTATUS(status) : WIFSIGNALED(status) ? 128 + WTERMSIG(status) : 1;
}

} // namespace

Ended run_job(const std::vector<std::string>& argv, const std::stop_token& stop,
              std::chrono::milliseconds grace) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0)
        throw can_not("pipe", errno);
    Echo echo{stream::Descriptor(ends[0])};
    stream::Descriptor output(ends[1]);
    const pid_t pid = start(argv, output.get());
    output.reset();
    std::optional<Clock::time_point> end;
    bool open = true;
    for (int status = 0;;) {
        if (open)
            open = echo.take(200);
        else
            ::poll(nullptr, 0, 100);
        // ECHILD: serve's reaper was faster; then the run's record tells how it ended.
        const pid_t waited = ::waitpid(pid, &status, WNOHANG);
        if (waited == pid || (waited < 0 && errno == ECHILD)) {
            echo.take_rest();
            return {.code = waited == pid ? code_of(status) : 1, .last_lines = echo.lines()};
        }
        if (stop.stop_requested() && !end) {
            ::kill(pid, SIGTERM);
            end = Clock::now() + grace;
        }
        if (end && Clock::now() >= *end)
            return {.code = 128 + SIGTERM, .last_lines = echo.lines()};
    }
}

} // namespace miraclemax::serve
