#include "run/context.hpp"

#include "run/identity.hpp"

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

TEST(Context, TwoSidecarsOfOneNameAreTold) {
    char form[] = "/tmp/mmid-XXXXXX";
    const std::filesystem::path root = ::mkdtemp(form);
    const Settings one{.instance = "miraclemax", .state = root / "one"};
    const Settings other{.instance = "miraclemax", .state = root / "other"};
    EXPECT_EQ(identity(one), identity(one));
    EXPECT_NE(identity(one), identity(other));
    EXPECT_TRUE(identity(one).starts_with("miraclemax."));
    std::filesystem::remove_all(root);
}

} // namespace
} // namespace miraclemax::run
