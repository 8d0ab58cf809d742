#include "installation/outside.hpp"

#include "error.hpp"
#include "stream/file.hpp"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace miraclemax::installation {
namespace {

constexpr std::size_t most_said = std::size_t{64} * 1024;

std::string place_of(const std::string& program) {
    for (const char* folder : {"/usr/local/bin", "/usr/bin", "/bin", "/usr/local/sbin", "/usr/sbin", "/sbin"})
        if (const auto path = std::string(folder) + "/" + program; ::access(path.c_str(), X_OK) == 0)
            return path;
    return {};
}

std::vector<std::string> environment() {
    std::vector<std::string> variables{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                                       "LC_ALL=C.UTF-8", "SYSTEMD_PAGER=", "SYSTEMD_COLORS=0"};
    for (const char* name : {"HOME", "USER", "XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS"})
        if (const char* value = std::getenv(name); value != nullptr)
            variables.push_back(std::string(name) + "=" + value);
    return variables;
}

std::vector<char*> pointers(std::vector<std::string>& words) {
    std::vector<char*> all;
    for (auto& word : words)
        all.push_back(word.data());
    all.push_back(nullptr);
    return all;
}

std::string read_to_end(int fd) {
    std::string said;
    std::array<char, 4096> buffer{};
    for (;;) {
        const auto count = ::read(fd, buffer.data(), buffer.size());
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            return said;
        if (said.size() < most_said)
            said.append(buffer.data(), static_cast<std::size_t>(count));
    }
}

class HostPrograms : public Outside {
public:
    Answer run(const std::vector<std::string>& words) override {
        const auto path = place_of(words.at(0));
        if (path.empty())
            return {.code = 127, .said = words[0] + " is not installed"};
        std::array<int, 2> ends{};
        if (::pipe2(ends.data(), O_CLOEXEC) != 0)
            throw Error(ExitCode::failed, std::string("can't make a pipe: ") + std::strerror(errno));
        const stream::Descriptor read_end(ends[0]);
        stream::Descriptor write_end(ends[1]);
        const auto child = start(path, words, write_end.get());
        write_end.reset();
        auto said = read_to_end(read_end.get());
        int status = 0;
        while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
        }
        return {.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status),
                .said = std::move(said)};
    }

private:
    static pid_t start(const std::string& path, std::vector<std::string> words, int output) {
        auto variables = environment();
        const auto argv = pointers(words);
        const auto envp = pointers(variables);
        posix_spawn_file_actions_t actions;
        posix_spawnattr_t attributes;
        ::posix_spawn_file_actions_init(&actions);
        ::posix_spawnattr_init(&attributes);
        ::posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
        ::posix_spawn_file_actions_adddup2(&actions, output, 1);
        ::posix_spawn_file_actions_adddup2(&actions, output, 2);
        sigset_t none; // this process blocks the signals that end a program
        sigemptyset(&none);
        ::posix_spawnattr_setsigmask(&attributes, &none);
        ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
        pid_t child = 0;
        const int failed =
            ::posix_spawn(&child, path.c_str(), &actions, &attributes, argv.data(), envp.data());
        ::posix_spawn_file_actions_destroy(&actions);
        ::posix_spawnattr_destroy(&attributes);
        if (failed != 0)
            throw Error(ExitCode::failed, "can't start " + path + ": " + std::strerror(failed));
        return child;
    }
};

} // namespace

std::unique_ptr<Outside> host_programs() {
    return std::make_unique<HostPrograms>();
}

std::string spelled(const std::vector<std::string>& words) {
    std::string text;
    for (const auto& word : words) {
        text += text.empty() ? "" : " ";
        text +=
            word.find_first_of(" \t'\"\\$") == std::string::npos && !word.empty() ? word : "'" + word + "'";
    }
    return text;
}

} // namespace miraclemax::installation
