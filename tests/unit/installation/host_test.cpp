#include "scene.hpp"

#include "error.hpp"

namespace miraclemax::installation {
namespace {

using namespace testing;

class HostTest : public Scene {
protected:
    HostTest() {
        around.root = root;
        around.variable = [this](const std::string& name) -> std::optional<std::string> {
            const auto found = variables.find(name);
            return found == variables.end() ? std::nullopt : std::optional(found->second);
        };
        outside.standard = {.code = 1};
    }
    Host looked() { return look(around, outside, "localhost/miraclemax:latest"); }

    Surroundings around;
    std::map<std::string, std::string> variables;
};

TEST_F(HostTest, ABareMachineHasNothing) {
    outside.answers["podman image exists localhost/miraclemax:latest"] = {.code = 127};
    const auto found = looked();
    EXPECT_TRUE(found.root);
    EXPECT_FALSE(found.systemd || found.quadlet || found.selinux || found.socket_enabled);
    EXPECT_EQ(found.image, std::nullopt);
    EXPECT_EQ(found.zone, "UTC");
    EXPECT_EQ(outside.ran.size(), 0U)
        << "systemctl is asked only where systemd runs, podman where it has storage";
    fs::create_directories(real("/var/lib/containers/storage"));
    EXPECT_EQ(looked().image, std::nullopt);
    EXPECT_EQ(outside.ran.size(), 1U);
}

TEST_F(HostTest, SeesWhatIsThere) {
    fs::create_directories(real("/run/systemd/system"));
    fs::create_directories(real("/var/lib/containers/storage/volumes"));
    write("/usr/libexec/podman/quadlet", "");
    write("/sys/fs/selinux/enforce", "1");
    fs::create_directories(real("/etc"));
    fs::create_symlink("../usr/share/zoneinfo/Europe/Berlin", real("/etc/localtime"));
    for (const char* yes :
         {"systemctl is-enabled --quiet podman.socket", "systemctl is-active --quiet podman.socket",
          "podman image exists localhost/miraclemax:latest"})
        outside.answers[yes] = {.code = 0};
    const auto found = looked();
    EXPECT_TRUE(found.systemd && found.quadlet && found.selinux && found.socket_enabled);
    EXPECT_FALSE(found.service_active || found.timer_enabled);
    EXPECT_EQ(found.image, true);
    EXPECT_EQ(found.zone, "Europe/Berlin");
    EXPECT_EQ(found.volumes, "/var/lib/containers/storage/volumes");
}

TEST_F(HostTest, AZoneIsAName) {
    write("/etc/timezone", "Asia/Tokyo\n");
    EXPECT_EQ(looked().zone, "Asia/Tokyo");
    variables["TZ"] = "UTC\nVolume=/:/host";
    EXPECT_EQ(looked().zone, "Asia/Tokyo");
    variables["TZ"] = "Etc/GMT+3";
    EXPECT_EQ(looked().zone, "Etc/GMT+3");
    variables.clear();
    write("/etc/timezone", "two words\n");
    EXPECT_EQ(looked().zone, "UTC");
}

TEST_F(HostTest, RootlessAsksTheUsersOwnSystemd) {
    around.uid = 1000;
    around.user = "me";
    EXPECT_THROW(looked(), Error) << "no HOME";
    variables = {{"HOME", "/home/me"}, {"XDG_CONFIG_HOME", "/home/me/conf"}};
    fs::create_directories(real("/run/systemd/system"));
    EXPECT_FALSE(looked().systemd) << "no session";
    variables["XDG_RUNTIME_DIR"] = "/run/user/1000";
    write("/var/lib/systemd/linger/me", "");
    outside.answers["systemctl --user is-active --quiet miraclemax.service"] = {.code = 0};
    const auto found = looked();
    EXPECT_TRUE(found.systemd && found.lingers && found.service_active);
    EXPECT_FALSE(found.root);
    EXPECT_EQ(found.config_home, "/home/me/conf");
    EXPECT_EQ(found.state_home, "/home/me/.local/state");
}

TEST(HostPrograms, RunWithoutAShellAndWithAnEnvironmentOfTheirOwn) {
    ::setenv("MIRACLEMAX_TEST_SECRET", "secret", 1);
    const auto programs = host_programs();
    const auto environment = programs->run({"env"});
    EXPECT_EQ(environment.code, 0);
    EXPECT_EQ(environment.said.find("secret"), std::string::npos);
    EXPECT_NE(environment.said.find("PATH=/"), std::string::npos);
    EXPECT_EQ(programs->run({"echo", "$HOME; `id`"}).said, "$HOME; `id`\n");
    EXPECT_EQ(programs->run({"ls", "/no/such/folder"}).code, 2);
    EXPECT_NE(programs->run({"ls", "/no/such/folder"}).said.find("/no/such/folder"), std::string::npos);
    EXPECT_EQ(programs->run({"no-such-program"}).code, 127);
    EXPECT_EQ(programs->run({"cat"}).said, "") << "no input";
    ::unsetenv("MIRACLEMAX_TEST_SECRET");
}

} // namespace
} // namespace miraclemax::installation
