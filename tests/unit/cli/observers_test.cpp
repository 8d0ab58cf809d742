#include "cli/observers.hpp"

#include <gtest/gtest.h>

#include <sstream>

namespace miraclemax::cli {
namespace {

class Following : public testing::TestWithParam<Form> {};

TEST_P(Following, ProgressNeverWaitsForAStoppedTerminal) {
    std::ostringstream out;
    bool takes = false;
    const auto observer = observe(GetParam(), out, [&] { return takes; });
    observer->progressed("n8n", {.bytes = 1000}, 2000);
    EXPECT_EQ(out.str(), "");
    takes = true;
    observer->progressed("n8n", {.bytes = 1500}, 2000);
    EXPECT_NE(out.str().find("n8n"), std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(Forms, Following, testing::Values(Form::bars, Form::json), [](const auto& form) {
    return std::string(form.param == Form::bars ? "bars" : "json");
});

TEST(Lines, OneAStep) {
    std::ostringstream out;
    const auto observer = observe(Form::lines, out, [] { return true; });
    observer->began("20251016_030000", {"n8n"});
    observer->progressed("n8n", {.bytes = 1000}, 2000);
    observer->released("n8n", {.containers = {{.name = "n8n", .time = std::chrono::milliseconds(120)}},
                               .time = std::chrono::milliseconds(120)});
    observer->failed(
        {.name = "n8n", .reason = "gone\nforged", .remedy = "look", .last_good = "20251015_030000"});
    EXPECT_EQ(out.str(), "backup 20251016_030000: n8n\n"
                         "n8n: released after 120 ms (n8n pause 120 ms)\n"
                         "n8n: FAILED: gone\\x0aforged (look); its last good backup is 20251015_030000\n");
}

} // namespace
} // namespace miraclemax::cli
