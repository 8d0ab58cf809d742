#include "podman/endpoints.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

namespace miraclemax::podman {
namespace {

TEST(Endpoints, MakePaths) {
    EXPECT_EQ(path_of(Call::ping), "/libpod/_ping");
    EXPECT_EQ(path_of(Call::pause, "db"), "/v4.0.0/libpod/containers/db/pause");
    EXPECT_EQ(path_of(Call::exec_inspect, "e1"), "/v4.0.0/libpod/exec/e1/json");
    EXPECT_EQ(path_of(Call::stop, "db", "timeout=3"), "/v4.0.0/libpod/containers/db/stop?timeout=3");
    EXPECT_EQ(path_of(Call::image_exists, "localhost/a:1"), "/v4.0.0/libpod/images/localhost/a:1/exists");
    EXPECT_EQ(path_of(Call::inspect_volume, "a/../b?c"), "/v4.0.0/libpod/volumes/a%2F..%2Fb%3Fc/json");
    EXPECT_EQ(path_of(Call::exec_inspect, "e1").find('{'), std::string::npos);
}

TEST(Endpoints, TheLastOfTheListIsTheLastCall) {
    ASSERT_EQ(endpoints().size(), static_cast<std::size_t>(Call::exec_inspect) + 1);
    EXPECT_STREQ(endpoint(Call::exec_inspect).path, "libpod/exec/{id}/json");
    EXPECT_STREQ(endpoint(Call::remove).method, "DELETE");
    EXPECT_EQ(path_of(Call::create_volume), "/v4.0.0/libpod/volumes/create");
    EXPECT_STREQ(endpoint(Call::create_volume).method, "POST");
    EXPECT_EQ(path_of(Call::delete_volume, "a/b"), "/v4.0.0/libpod/volumes/a%2Fb");
    EXPECT_STREQ(endpoint(Call::delete_volume).method, "DELETE");
}

TEST(Endpoints, StandInTheReadme) {
    const std::filesystem::path readme = MIRACLEMAX_TEST_SOURCE "/README.md";
    if (!std::filesystem::exists(readme))
        GTEST_SKIP() << "no README yet";
    std::ostringstream text;
    text << std::ifstream(readme).rdbuf();
    const std::string readme_text = text.str();
    for (const auto& one : endpoints()) {
        const auto row = std::string("| ") + one.method + " | `" + one.path + "` | " + one.purpose + " |\n";
        EXPECT_NE(readme_text.find(row), std::string::npos) << "README.md lacks: " << row;
    }
}

TEST(Endpoints, EncodeBytes) {
    EXPECT_EQ(percent_encoded("a b\xff{\"l\":1}"), "a%20b%FF%7B%22l%22%3A1%7D");
}

} // namespace
} // namespace miraclemax::podman
