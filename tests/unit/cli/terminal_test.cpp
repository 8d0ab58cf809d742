// Questions on a real terminal: a child process asks on a pty of its own.
#include "cli/terminal.hpp"

#include "cli/signals.hpp"
#include "error.hpp"
#include "stream/file.hpp"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <chrono>
#include <functional>
#include <thread>

namespace miraclemax::cli {
namespace {

constexpr int interrupted = static_cast<int>(ExitCode::interrupted);
constexpr char ctrl_c = 3, ctrl_d = 4;

class Terminal : public testing::Test {
protected:
    ~Terminal() override {
        if (child_ > 0) {
            ::kill(child_, SIGKILL);
            ::waitpid(child_, nullptr, 0);
        }
    }

    // act's value, or an error's code, is what the child ends with.
    void ask(const std::function<int(const std::stop_token&)>& act) {
        master_ = stream::Descriptor(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
        ASSERT_EQ(::grantpt(master_.get()), 0);
        ASSERT_EQ(::unlockpt(master_.get()), 0);
        const std::string name = ::ptsname(master_.get());
        // Held: what was said stays readable when the child is gone, and so do the terminal's ways.
        held_ = stream::Descriptor(::open(name.c_str(), O_RDWR | O_NOCTTY | O_CLOEXEC));
        ASSERT_TRUE(held_);
        child_ = ::fork();
        if (child_ != 0)
            return;
        ::setsid();
        if (::open(name.c_str(), O_RDWR) < 0) // a session's first terminal becomes its own
            ::_exit(99);
        int code = 98;
        try {
            const Signals signals;
            code = act(signals.token());
        } catch (const Error& error) {
            code = static_cast<int>(error.code());
        }
        ::_exit(code);
    }
    void type(const std::string& text) {
        ASSERT_EQ(::write(master_.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
    }
    // Reads on until the child said it.
    void await(const std::string& text) {
        while (said_.find(text) == std::string::npos && more(20'000)) {
        }
        ASSERT_NE(said_.find(text), std::string::npos) << said_;
    }
    void await_hidden() {
        for (int tries = 0; echoes() && tries < 2000; ++tries)
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
        ASSERT_FALSE(echoes());
    }
    [[nodiscard]] bool echoes() const {
        termios now{};
        EXPECT_EQ(::tcgetattr(held_.get(), &now), 0);
        return (now.c_lflag & ECHO) != 0;
    }
    // -1: it still asks.
    int end() {
        int status = 0;
        for (int tries = 0; tries < 2000; ++tries) {
            if (::waitpid(child_, &status, WNOHANG) == child_) {
                child_ = -1;
                while (more(0)) {
                }
                return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
            }
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
        }
        return -1;
    }
    [[nodiscard]] const std::string& said() const { return said_; }

private:
    bool more(int milliseconds) {
        pollfd ready{.fd = master_.get(), .events = POLLIN, .revents = 0};
        char text[256];
        if (::poll(&ready, 1, milliseconds) <= 0)
            return false;
        const auto got = ::read(master_.get(), text, sizeof text);
        said_.append(text, got > 0 ? static_cast<std::size_t>(got) : 0);
        return got > 0;
    }

    stream::Descriptor master_, held_;
    pid_t child_ = -1;
    std::string said_;
};

int yes(const std::stop_token& stop) {
    return ask_yes("Restore this?", stop) ? 50 : 51;
}

int secret(const std::stop_token& stop) {
    return ask_secret("Passphrase", stop) == "open sesame" ? 50 : 51;
}

TEST_F(Terminal, OnlyYIsYes) {
    for (const auto& [typed, code] : std::initializer_list<std::pair<std::string, int>>{
             {"y\n", 50}, {"n\n", 51}, {"\n", 51}, {{ctrl_d}, 51}}) {
        ask(yes);
        await("Restore this? [y/N] ");
        type(typed);
        EXPECT_EQ(end(), code) << typed;
    }
}

TEST_F(Terminal, CtrlCEndsAQuestionAtOnce) {
    ask(yes);
    await("[y/N] ");
    type({ctrl_c});
    EXPECT_EQ(end(), interrupted);
    EXPECT_TRUE(said().ends_with("\n")) << said();
}

TEST_F(Terminal, CtrlCEndsAHalfTypedAnswer) {
    ask(yes);
    await("[y/N] ");
    type("y");
    await("[y/N] y");
    type({ctrl_c});
    EXPECT_EQ(end(), interrupted);
}

TEST_F(Terminal, ASecretIsNotShown) {
    ask(secret);
    await("Passphrase: ");
    await_hidden();
    type("open sesame\n");
    EXPECT_EQ(end(), 50);
    EXPECT_TRUE(echoes());
    EXPECT_EQ(said().find("sesame"), std::string::npos);
    EXPECT_TRUE(said().ends_with("\n"));
}

TEST_F(Terminal, CtrlCAtASecretLeavesTheTerminalAsItWas) {
    ask(secret);
    await("Passphrase: ");
    await_hidden();
    type("open s");
    type({ctrl_c});
    EXPECT_EQ(end(), interrupted);
    EXPECT_TRUE(echoes());
    EXPECT_EQ(said().find("open"), std::string::npos);
    EXPECT_TRUE(said().ends_with("\n"));
}

TEST_F(Terminal, TheEndOfTheInputIsNoSecret) {
    ask(secret);
    await("Passphrase: ");
    await_hidden();
    type({ctrl_d});
    EXPECT_EQ(end(), static_cast<int>(ExitCode::key));
    EXPECT_TRUE(echoes());
}

} // namespace
} // namespace miraclemax::cli
