#include "cli/terminal.hpp"

#include "error.hpp"
#include "stream/file.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <optional>
#include <string_view>

namespace miraclemax::cli {
namespace {

stream::Descriptor terminal() {
    return stream::Descriptor(::open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY));
}

void say(int fd, const std::string& text) {
    [[maybe_unused]] const auto written = ::write(fd, text.data(), text.size());
}

// Becomes readable when stop is requested: a signal interrupts no read(2), since all are blocked.
class Wakeup {
public:
    explicit Wakeup(const std::stop_token& stop)
        : event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)), callback_(stop, Ring{event_.get()}) {}
    [[nodiscard]] int fd() const { return event_.get(); }

private:
    struct Ring {
        int fd;
        void operator()() const { ::eventfd_write(fd, 1); }
    };
    stream::Descriptor event_;
    std::stop_callback<Ring> callback_;
};

// A line without its end; nullopt: the input ended. Throws Error (interrupted).
std::optional<std::string> read_line(int fd, const std::stop_token& stop) {
    const Wakeup wakeup(stop);
    std::array<pollfd, 2> either{
        {{.fd = fd, .events = POLLIN, .revents = 0}, {.fd = wakeup.fd(), .events = POLLIN, .revents = 0}}};
    for (std::string answer;;) {
        const int ready = ::poll(either.data(), either.size(), -1);
        if (stop.stop_requested()) {
            say(fd, "\n");
            throw Error(ExitCode::interrupted, "interrupted before there was an answer; nothing was changed");
        }
        if (ready < 0 && errno == EINTR)
            continue;
        char c = 0;
        if (ready < 0 || ::read(fd, &c, 1) != 1)
            return std::nullopt;
        if (c == '\n')
            return answer;
        answer += c;
    }
}

// What is typed is not shown for as long as this lives.
class Hidden {
public:
    explicit Hidden(int fd) : fd_(fd) {
        known_ = ::tcgetattr(fd, &before_) == 0;
        termios quiet = before_;
        quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO);
        if (known_)
            ::tcsetattr(fd, TCSAFLUSH, &quiet);
    }
    ~Hidden() {
        if (known_)
            ::tcsetattr(fd_, TCSAFLUSH, &before_);
    }
    Hidden(const Hidden&) = delete;
    Hidden& operator=(const Hidden&) = delete;

private:
    int fd_;
    bool known_ = false;
    termios before_{};
};

} // namespace

// Progress is told while containers are frozen: it must never wait for a terminal that was stopped by Ctrl-S.
bool stdout_takes_more() {
    pollfd out{.fd = STDOUT_FILENO, .events = POLLOUT, .revents = 0};
    return ::poll(&out, 1, 0) > 0 && (out.revents & POLLOUT) != 0;
}

Form form_of(bool json) {
    if (json)
        return Form::json;
    const char* terminal = std::getenv("TERM");
    const bool dumb = terminal == nullptr || std::string_view(terminal) == "dumb";
    return ::isatty(STDOUT_FILENO) == 1 && !dumb ? Form::bars : Form::lines;
}

bool has_terminal() {
    return static_cast<bool>(terminal());
}

bool ask_yes(const std::string& question, const std::stop_token& stop) {
    const auto tty = terminal();
    say(tty.get(), question + " [y/N] ");
    const auto answer = read_line(tty.get(), stop);
    return answer == "y" || answer == "Y" || answer == "yes";
}

std::string ask_secret(const std::string& prompt, const std::stop_token& stop) {
    const auto tty = terminal();
    say(tty.get(), prompt + ": ");
    auto answer = [&] {
        const Hidden hidden(tty.get());
        return read_line(tty.get(), stop);
    }();
    say(tty.get(), "\n");
    if (!answer)
        throw Error(ExitCode::key, "no passphrase was given");
    return std::move(*answer);
}

} // namespace miraclemax::cli
