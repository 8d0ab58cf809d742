#include "podman/rest_engine.hpp"

#include "error.hpp"

#include <gmock/gmock.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <sys/wait.h>
#include <unistd.h>

namespace miraclemax::podman {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

Environment environment(std::map<std::string, std::string> values) {
    return [values = std::move(values)](const std::string& name) -> std::optional<std::string> {
        const auto found = values.find(name);
        return found == values.end() ? std::nullopt : std::optional(found->second);
    };
}

TEST(FindSocket, TakesTheConfiguredOneFirst) {
    EXPECT_EQ(find_socket("/my/sock", environment({{"CONTAINER_HOST", "unix:///other"}})), "/my/sock");
    EXPECT_EQ(find_socket("unix:///my/sock", environment({})), "/my/sock");
}

TEST(FindSocket, ThenContainerHost) {
    EXPECT_EQ(find_socket("", environment({{"CONTAINER_HOST", "unix:///run/x/p.sock"}})), "/run/x/p.sock");
}

TEST(FindSocket, RefusesARemoteHost) {
    try {
        (void)find_socket("", environment({{"CONTAINER_HOST", "ssh://root@host/run/podman.sock"}}));
        FAIL() << "accepted";
    } catch (const Error& error) {
        EXPECT_EQ(error.code(), ExitCode::podman);
        EXPECT_THAT(error.what(), AllOf(HasSubstr("CONTAINER_HOST"), HasSubstr("ssh://")));
    }
}

TEST(FindSocket, ThenTheSystemsThenTheUsersOwn) {
    std::string folder = (std::filesystem::temp_directory_path() / "find_socket_XXXXXX").string();
    ASSERT_NE(mkdtemp(folder.data()), nullptr);
    std::filesystem::create_directory(folder + "/podman");
    const auto own = folder + "/podman/podman.sock";
    const auto systems = folder + "/system.sock";
    std::ofstream(own) << "";
    EXPECT_EQ(find_socket("", environment({{"XDG_RUNTIME_DIR", folder}}), systems), own);
    std::ofstream(systems) << "";
    EXPECT_EQ(find_socket("", environment({{"XDG_RUNTIME_DIR", folder}}), systems), systems);
    std::filesystem::remove_all(folder);
}

// Podman's own folder is closed to everybody else: that is no machine without podman.
TEST(FindSocket, TakesAClosedFolderForAPlaceThatHasOne) {
    if (::getuid() != 0)
        GTEST_SKIP() << "root reads every folder, and only root can stop being it";
    std::string folder = (std::filesystem::temp_directory_path() / "find_socket_XXXXXX").string();
    ASSERT_NE(mkdtemp(folder.data()), nullptr); // 0700
    const auto systems = folder + "/podman.sock";
    std::ofstream(systems) << "";
    const pid_t child = ::fork();
    if (child == 0) {
        int code = 1;
        try {
            code = ::setuid(65534) == 0 && find_socket("", environment({}), systems) == systems ? 0 : 2;
        } catch (...) {
            code = 3;
        }
        ::_exit(code);
    }
    int status = -1;
    ::waitpid(child, &status, 0);
    EXPECT_EQ(status, 0);
    std::filesystem::remove_all(folder);
}

TEST(FindSocket, SaysWhereItLooked) {
    try {
        (void)find_socket("", environment({{"XDG_RUNTIME_DIR", "/no/such/folder"}}), "/no/such/podman.sock");
        FAIL() << "found one";
    } catch (const NotThere& error) {
        EXPECT_EQ(error.code(), ExitCode::podman);
        EXPECT_THAT(error.what(), AllOf(HasSubstr("CONTAINER_HOST"), HasSubstr("/no/such/podman.sock"),
                                        HasSubstr("/no/such/folder/podman/podman.sock")));
        EXPECT_THAT(error.remedy(), HasSubstr("podman.socket"));
    }
}

} // namespace
} // namespace miraclemax::podman
