#include "scratch.hpp"

#include "error.hpp"
#include "stream/fault_point.hpp"

#include <csignal>

#include <sys/wait.h>
#include <unistd.h>

#ifdef MIRACLEMAX_FAULT_POINTS

namespace miraclemax::stream {
namespace {

using namespace testing;

// Reaches three points in a child; the exit status is how many it passed, and 10 more after a right error.
int status_with(const char* fault, const std::string& log = {}) {
    const pid_t child = ::fork();
    if (child == 0) {
        ::setenv("MIRACLEMAX_FAULT", fault, 1);
        if (!log.empty()) {
            ::setenv("MIRACLEMAX_FAULT_LOG", log.c_str(), 1);
        }
        int passed = 0;
        try {
            reload_fault_plan();
            for (const char* name : {"test.one", "test.two", "test.three"}) {
                MIRACLEMAX_FAULT_POINT(name);
                ++passed;
            }
        } catch (const Error& error) {
            const bool right = std::string(error.what()).starts_with("fault point test.");
            ::_exit(error.code() == ExitCode::usage ? 50 : right ? 10 + passed : 99);
        }
        ::_exit(passed);
    }
    if (std::string(fault).ends_with("hang")) {
        ::usleep(100000);
        int status = 0;
        const bool alive = ::waitpid(child, &status, WNOHANG) == 0;
        ::kill(child, SIGTERM);
        ::waitpid(child, &status, 0);
        return alive ? -2 : -3;
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

TEST(FaultPoint, DoesNothingUnasked) {
    EXPECT_EQ(status_with(""), 3);
    EXPECT_EQ(status_with("test.four:kill"), 3);
    EXPECT_EQ(status_with("4:kill"), 3);
}

TEST(FaultPoint, ThrowsKillsAndHangsByNumberAndName) {
    EXPECT_EQ(status_with("2:error"), 11);
    EXPECT_EQ(status_with("test.three:error"), 12);
    EXPECT_EQ(status_with("1:kill"), -SIGKILL);
    EXPECT_EQ(status_with("test.two:kill"), -SIGKILL);
    EXPECT_EQ(status_with("2:hang"), -2);
}

TEST(FaultPoint, RefusesWhatItDoesNotUnderstand) {
    EXPECT_EQ(status_with("2:explode"), 50);
}

TEST(FaultPoint, LogsEachPointUpToTheFault) {
    const Scratch scratch;
    EXPECT_EQ(status_with("2:kill", (scratch / "log").string()), -SIGKILL);
    EXPECT_EQ(content_of(scratch / "log"), "test.one\ntest.two\n");
}

} // namespace
} // namespace miraclemax::stream

#endif
