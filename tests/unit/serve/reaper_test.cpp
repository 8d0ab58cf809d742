#include "serve/reaper.hpp"

#include <gtest/gtest.h>

#include <sys/wait.h>
#include <unistd.h>

namespace miraclemax::serve {
namespace {

pid_t ended_child() {
    const pid_t child = ::fork();
    if (child == 0)
        ::_exit(3);
    siginfo_t facts{};
    ::waitid(P_PID, static_cast<id_t>(child), &facts, WEXITED | WNOWAIT);
    return child;
}

bool is_there(pid_t child) {
    siginfo_t facts{};
    return ::waitid(P_PID, static_cast<id_t>(child), &facts, WEXITED | WNOHANG | WNOWAIT) == 0;
}

TEST(ReaperTest, ReapsWhatNobodyWaitsForARoundLater) {
    Reaper reaper(true);
    const auto child = ended_child();
    reaper.round();
    EXPECT_TRUE(is_there(child)); // whoever started it has its chance
    reaper.round();
    EXPECT_FALSE(is_there(child));
}

TEST(ReaperTest, LeavesTheLivingAlone) {
    Reaper reaper(true);
    const pid_t child = ::fork();
    if (child == 0) {
        ::pause();
        ::_exit(0);
    }
    reaper.round();
    reaper.round();
    ::kill(child, SIGKILL);
    int status = 0;
    EXPECT_EQ(::waitpid(child, &status, 0), child);
}

TEST(ReaperTest, ReapsNothingWhenItIsNotTheFirstProcess) {
    Reaper reaper(false);
    const auto child = ended_child();
    reaper.round();
    reaper.round();
    EXPECT_EQ(::waitpid(child, nullptr, 0), child);
}

} // namespace
} // namespace miraclemax::serve
