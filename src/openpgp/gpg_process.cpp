#include "openpgp/gpg_process.hpp"

#include "error.hpp"
#include "openpgp/context.hpp"

#include "stream/spawn.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <mutex>

#include <fcntl.h>
#include <poll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace miraclemax::openpgp {

namespace {

constexpr int pipe_size = 1 << 20; // the most an unprivileged process may have; a smaller one is only slower
constexpr std::size_t block_size = std::size_t{128} * 1024;

Error can_not(const std::string& what, int error_number) {
    return {ExitCode::key, "can't " + what + ": " + std::strerror(error_number)};
}

struct Pipe {
    Pipe() {
        std::array<int, 2> ends{};
        if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
            throw can_not("make a pipe for gpg", errno);
        }
        out = stream::Descriptor(ends[0]);
        in = stream::Descriptor(ends[1]);
    }
    stream::Descriptor out; // where it is read
    stream::Descriptor in;  // where it is written
};

// "[GNUPG:] KEYWORD arguments"; other lines are none.
void tell(std::string_view line, const GpgProcess::Ears& ears) {
    constexpr std::string_view mark = "[GNUPG:] ";
    if (!line.starts_with(mark)) {
        return;
    }
    line.remove_prefix(mark.size());
    const auto space = line.find(' ');
    ears.status(line.substr(0, space),
                space == std::string_view::npos ? std::string_view() : line.substr(space + 1));
}

// Nothing: what was there could not be read yet. Empty: the end.
std::optional<stream::Bytes> take(int descriptor, std::vector<std::byte>& block) {
    const ssize_t count = ::read(descriptor, block.data(), block.size());
    if (count < 0 && errno == EINTR) {
        return std::nullopt;
    }
    if (count < 0) {
        throw can_not("read from gpg", errno);
    }
    return std::span(block).first(static_cast<std::size_t>(count));
}

// False: nobody takes it any more.
bool write_whole(int descriptor, stream::Bytes bytes) {
    while (!bytes.empty()) {
        const ssize_t count = ::write(descriptor, bytes.data(), bytes.size());
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count < 0) {
            return false;
        }
        bytes = bytes.subspan(static_cast<std::size_t>(count));
    }
    return true;
}

} // namespace

Gpg find_gpg() {
    start_gpgme();
    gpgme_engine_info_t engine = nullptr;
    require(gpgme_get_engine_info(&engine), "find gpg");
    for (; engine != nullptr; engine = engine->next) {
        if (engine->protocol == GPGME_PROTOCOL_OpenPGP && engine->file_name != nullptr &&
            engine->version != nullptr) {
            return {.program = engine->file_name, .version = engine->version};
        }
    }
    throw gpg_error_of(gpgme_error(GPG_ERR_INV_ENGINE), "find gpg");
}

GpgProcess::GpgProcess(const Home& home, std::vector<std::string> words) {
    static std::once_flag once;
    std::call_once(once, [] { std::signal(SIGPIPE, SIG_IGN); });
    const std::string program = find_gpg().program;
    std::vector<std::string> argv{program,
                                  "--homedir",
                                  home.path(),
                                  "--batch",
                                  "--no-tty",
                                  "--status-fd",
                                  "3",
                                  "--exit-on-status-write-error",
                                  "--command-fd",
                                  "4"};
    argv.insert(argv.end(), words.begin(), words.end());
    Pipe input;
    Pipe output;
    Pipe status;
    Pipe commands;
    ::fcntl(input.in.get(), F_SETPIPE_SZ, pipe_size);
    ::fcntl(output.in.get(), F_SETPIPE_SZ, pipe_size);
    for (stream::Descriptor* one : {&input.out, &output.in, &status.in, &commands.out}) {
        *one = stream::lifted(std::move(*one));
        if (!*one) {
            throw can_not("duplicate a descriptor", errno);
        }
    }
    stream::Spawn spawn(stream::Spawn::Group::parents);
    ::posix_spawn_file_actions_adddup2(&spawn.actions, input.out.get(), 0);
    ::posix_spawn_file_actions_adddup2(&spawn.actions, output.in.get(), 1);
    ::posix_spawn_file_actions_addopen(&spawn.actions, 2, "/dev/null", O_WRONLY, 0);
    ::posix_spawn_file_actions_adddup2(&spawn.actions, status.in.get(), 3);
    ::posix_spawn_file_actions_adddup2(&spawn.actions, commands.out.get(), 4);
    ::posix_spawn_file_actions_addclosefrom_np(&spawn.actions, 5);
    std::vector<char*> pointers;
    for (std::string& word : argv) {
        pointers.push_back(word.data());
    }
    pointers.push_back(nullptr);
    char path[] = "PATH=/usr/local/bin:/usr/bin:/bin";
    char locale[] = "LC_ALL=C";
    char* const environment[] = {path, locale, nullptr};
    if (const int failed = ::posix_spawn(&pid_, program.c_str(), &spawn.actions, &spawn.attributes,
                                         pointers.data(), environment)) {
        pid_ = 0;
        throw can_not("start " + program, failed);
    }
    handle_ = stream::Descriptor(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0U)));
    input_ = std::move(input.in);
    output_ = std::move(output.out);
    status_ = std::move(status.out);
    commands_ = std::move(commands.in);
}

GpgProcess::~GpgProcess() {
    kill();
    wait();
}

bool GpgProcess::write(stream::Bytes bytes) {
    return write_whole(input_.get(), bytes);
}

void GpgProcess::feed(const Ears& ears) {
    if (pending_.empty()) {
        pending_ = ears.input();
        if (pending_.empty()) {
            close_input();
            return;
        }
    }
    const ssize_t count = ::write(input_.get(), pending_.data(), pending_.size());
    if (count >= 0) {
        pending_ = pending_.subspan(static_cast<std::size_t>(count));
    } else if (errno != EINTR && errno != EAGAIN) {
        close_input(); // it takes nothing more: what it says will tell why
    }
}

void GpgProcess::follow(const Ears& ears) {
    std::vector<std::byte> block(block_size);
    std::string lines;
    if (ears.input) {
        ::fcntl(input_.get(), F_SETFL, O_NONBLOCK);
    }
    std::array<pollfd, 3> all{{{.fd = output_.get(), .events = POLLIN, .revents = 0},
                               {.fd = status_.get(), .events = POLLIN, .revents = 0},
                               {.fd = -1, .events = POLLOUT, .revents = 0}}};
    while (all[0].fd >= 0 || all[1].fd >= 0) {
        all[2].fd = ears.input ? input_.get() : -1;
        if (::poll(all.data(), all.size(), -1) < 0) {
            if (errno == EINTR) {
                continue;
            }
            throw can_not("read from gpg", errno);
        }
        for (std::size_t which : {std::size_t{0}, std::size_t{1}}) {
            pollfd& one = all.at(which);
            if (one.fd < 0 || one.revents == 0) {
                continue;
            }
            const auto taken = take(one.fd, block);
            if (taken && taken->empty()) {
                one.fd = -1;
            } else if (taken && which == 0) {
                ears.output(*taken);
            } else if (taken) {
                lines.append(reinterpret_cast<const char*>(taken->data()), taken->size());
            }
        }
        for (std::size_t end = lines.find('\n'); end != std::string::npos; end = lines.find('\n')) {
            tell(std::string_view(lines).substr(0, end), ears);
            lines.erase(0, end + 1);
        }
        if (all[2].fd >= 0 && all[2].revents != 0) {
            feed(ears);
        }
    }
}

void GpgProcess::answer(const std::string& line) {
    const std::string whole = line + "\n";
    write_whole(commands_.get(), std::as_bytes(std::span(whole))); // gone: what it says will tell why
}

// By its handle where the kernel has one; by number it is sure only as long as nobody reaped it.
void GpgProcess::kill() noexcept {
    if (handle_) {
        ::syscall(SYS_pidfd_send_signal, handle_.get(), SIGKILL, nullptr, 0U);
    } else if (pid_ > 0) {
        ::kill(pid_, SIGKILL);
    }
}

bool GpgProcess::wait() noexcept {
    if (pid_ <= 0) {
        return false;
    }
    int status = 0;
    pid_t got = 0;
    while ((got = ::waitpid(pid_, &status, 0)) < 0 && errno == EINTR) {
    }
    pid_ = 0;
    handle_.reset();
    return got > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

} // namespace miraclemax::openpgp
