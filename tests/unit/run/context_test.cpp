#include "run/context.hpp"

#include <gtest/gtest.h>

#include <unistd.h>

#include <cstdlib>
#include <ctime>

namespace miraclemax::run {
namespace {

TEST(Context, TimesCarryTheirOffset) {
    const char* before = std::getenv("TZ");
    const std::string kept = before == nullptr ? "" : before;
    ::setenv("TZ", "Europe/Berlin", 1);
    ::tzset();
    const auto moment = std::chrono::system_clock::from_time_t(1'760'576'400);
    EXPECT_EQ(local_time(moment), "2025-10-16T03:00:00+02:00");
    EXPECT_EQ(utc_time(moment), "2025-10-16T01:00:00Z");
    before == nullptr ? ::unsetenv("TZ") : ::setenv("TZ", kept.c_str(), 1);
    ::tzset();
}

TEST(Context, ARunNamesItsProcess) {
    EXPECT_EQ(pid_of_run(new_run_name()), ::getpid());
    for (const char* wrong : {"", "20251016-030000", "20251016-030000-", "20251016-030000-x-1",
                              "20251016-030000--1", "20251016-030000-1-5"})
        EXPECT_FALSE(pid_of_run(wrong)) << wrong;
    EXPECT_NE(new_run_name(), new_run_name());
}

} // namespace
} // namespace miraclemax::run
