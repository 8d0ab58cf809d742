#include "run/ready_hooks.hpp"

#include <gtest/gtest.h>

namespace miraclemax::run {
namespace {

const std::filesystem::path hooks = MIRACLEMAX_TEST_SOURCE "/hooks";

podman::Container with(podman::Labels labels) {
    return {.id = "id", .name = "db", .labels = std::move(labels)};
}

TEST(ReadyHooks, OursAreListsOfWords) {
    for (const char* name : {"postgresql", "sqlite"}) {
        const auto found =
            resolve_hooks({with({{"miraclemax.hook.before", name}, {"miraclemax.hook.after", name}})}, hooks);
        EXPECT_TRUE(found.problems.empty()) << name;
        EXPECT_FALSE(found.hooks.at("id").before.empty()) << name;
        EXPECT_TRUE(found.hooks.at("id").after.empty()) << name; // nothing needs undoing
    }
}

TEST(ReadyHooks, AnUnknownOneIsAProblemOfItsContainer) {
    const auto found = resolve_hooks({with({{"miraclemax.hook.before", "postgres"}})}, hooks);
    EXPECT_TRUE(found.hooks.empty());
    EXPECT_NE(found.problems.at("id").find("\"postgres\""), std::string::npos);
}

TEST(ReadyHooks, ACommandOfOnesOwnPassesAsItIs) {
    const auto found = resolve_hooks({with({{"miraclemax.hook.before", R"(["sync", "--data"])"}})}, hooks);
    EXPECT_EQ(found.hooks.at("id").before, (std::vector<std::string>{"sync", "--data"}));
}

} // namespace
} // namespace miraclemax::run
