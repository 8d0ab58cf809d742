#include "cli/terminal.hpp"

#include "error.hpp"
#include "stream/file.hpp"

#include <fcntl.h>
#include <poll.h>
#include <termios.h>
#include <unistd.h>

#include <cstdlib>
#include <string_view>

namespace miraclemax::cli {
namespace {

stream::Descriptor terminal() {
    return stream::Descriptor(::open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY));
}

void say(int fd, const std::string& text) {
    [[maybe_unused]] const auto written = ::write(fd, text.data(), text.size());
}

// A line without its end; false: the input ended.
bool read_line(int fd, std::string& answer) {
    for (char c = 0; ::read(fd, &c, 1) == 1;) {
        if (c == '\n')
            return true;
        answer += c;
    }
    return false;
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

bool ask_yes(const std::string& question) {
    const auto tty = terminal();
    say(tty.get(), question + " [y/N] ");
    std::string answer;
    return read_line(tty.get(), answer) && (answer == "y" || answer == "Y" || answer == "yes");
}

std::string ask_secret(const std::string& prompt) {
    const auto tty = terminal();
    say(tty.get(), prompt + ": ");
    std::string answer;
    bool read = false;
    {
        const Hidden hidden(tty.get());
        read = read_line(tty.get(), answer);
    }
    say(tty.get(), "\n");
    if (!read)
        throw Error(ExitCode::key, "no passphrase was given");
    return answer;
}

} // namespace miraclemax::cli
