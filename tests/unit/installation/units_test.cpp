#include "scene.hpp"

#include "error.hpp"
#include "installation/units.hpp"

#include <unistd.h>

namespace miraclemax::installation {
namespace {

using namespace testing;

std::string source(const std::string& path) {
    std::ostringstream text;
    text << std::ifstream(fs::path(MIRACLEMAX_TEST_SOURCE) / path).rdbuf();
    return text.str();
}

// Quadlet's generator: of this machine, or of the Debian 13 that the tests keep.
std::string quadlet() {
    for (const char* path : {"/usr/libexec/podman/quadlet", "/usr/lib/podman/quadlet",
                             "/var/tmp/miraclemax-test-trixie/usr/libexec/podman/quadlet"})
        if (::access(path, X_OK) == 0)
            return path;
    return {};
}

class UnitsTest : public Scene {
protected:
    // The units of a way in a folder of their own.
    fs::path written() {
        for (const auto& step : make_plan(host, wish).steps)
            if (step.is_unit)
                write(fs::path("/units") / step.path.filename(), step.content);
        return real("/units");
    }
    std::string generated() {
        int status = 0;
        auto output =
            output_of("QUADLET_UNIT_DIRS=" + written().string() + " " + quadlet() + " -dryrun", status);
        EXPECT_EQ(status, 0) << output;
        return output;
    }
};

TEST_F(UnitsTest, TheExamplesAreWhatIsInstalled) {
    EXPECT_EQ(container_unit(places(host, wish), wish.image, "UTC"),
              source("compose/quadlet/miraclemax.container"));
    EXPECT_EQ(volume_unit(), source("compose/quadlet/miraclemax-state.volume"));
}

// Line by line, comments apart; the configuration's mount is a comment there.
TEST_F(UnitsTest, TheComposeFileHasEveryLineOfTheOneInTheRepository) {
    const auto ours = compose_file(wish.image, "UTC", false);
    std::istringstream lines(source("compose/miraclemax.yml"));
    for (std::string line; std::getline(lines, line);)
        if (const auto at = line.find_first_not_of(' '); at != std::string::npos && line[at] != '#') {
            EXPECT_NE(ours.find(line.substr(0, line.find(" #")) + "\n"), std::string::npos) << line;
        }
    EXPECT_NE(compose_file(wish.image, "UTC", true).find("- ${XDG_RUNTIME_DIR}/podman:/run/podman\n"),
              std::string::npos);
}

TEST_F(UnitsTest, QuadletMakesTheServiceOfThem) {
    if (quadlet().empty())
        GTEST_SKIP() << "no quadlet generator here";
    const auto output = generated();
    for (const char* part :
         {"--name miraclemax ", "--read-only ", "--cap-drop all", "no-new-privileges", "label=disable",
          "--publish 127.0.0.1:9847:9847", "--tmpfs /tmp", "--stop-timeout 15", "-v %t/podman:/run/podman",
          "-v /var/backups/miraclemax:/backups", "-v systemd-miraclemax-state:/var/lib/miraclemax",
          "-v /etc/miraclemax:/etc/miraclemax:ro", "-v /etc/miraclemax/keys:/keys:ro", "--env TZ=UTC",
          "localhost/miraclemax:latest serve"})
        EXPECT_NE(output.find(part), std::string::npos) << part << "\n" << output;
    EXPECT_NE(output.find(R"(--health-cmd=[\"miraclemax\",\"check\",\"--health\"])"), std::string::npos)
        << output;
}

TEST_F(UnitsTest, SystemdVerifiesWhatQuadletMakes) {
    if (quadlet().empty() || ::access("/usr/bin/systemd-analyze", X_OK) != 0)
        GTEST_SKIP() << "no quadlet generator or no systemd-analyze here";
    written();
    const auto services = real("/services");
    fs::create_directories(services);
    int status = 0;
    const auto made = output_of(
        "QUADLET_UNIT_DIRS=" + real("/units").string() + " " + quadlet() + " " + services.string(), status);
    ASSERT_EQ(status, 0) << made;
    ASSERT_TRUE(fs::exists(services / "miraclemax.service")) << made;
    std::ofstream(services / "podman.socket") << "[Socket]\nListenStream=/run/podman/podman.sock\n";
    std::ofstream(services / "podman.service") << "[Service]\nExecStart=/bin/true\n";
    const auto told =
        output_of("SYSTEMD_UNIT_PATH=" + services.string() + ": systemd-analyze verify --man=no " +
                      (services / "miraclemax.service").string(),
                  status);
    EXPECT_EQ(status, 0) << told;
    EXPECT_EQ(told.find("nknown"), std::string::npos) << told;
}

TEST_F(UnitsTest, SystemdVerifiesTheTimersAndTheirServices) {
    if (::access("/usr/bin/systemd-analyze", X_OK) != 0)
        GTEST_SKIP() << "no systemd-analyze here";
    wish.way = Way::timer;
    wish.program = "/bin/true";
    const auto units = written();
    std::ofstream(units / "podman.socket") << "[Socket]\nListenStream=/run/podman/podman.sock\n";
    std::ofstream(units / "podman.service") << "[Service]\nExecStart=/bin/true\n";
    int status = 0;
    const auto told = output_of("SYSTEMD_UNIT_PATH=" + units.string() + ": systemd-analyze verify --man=no " +
                                    units.string() + "/miraclemax-*",
                                status);
    EXPECT_EQ(status, 0) << told;
    EXPECT_EQ(told.find("nknown"), std::string::npos) << told;
}

TEST(WithValue, ChangesTheOptionOfThatSectionAlone) {
    const std::string text =
        "folder: a\nbackup:\n  # folder: comment\n  folder: b\n  deep:\n    folder: c\nstate:\n  folder: d\n";
    EXPECT_EQ(with_value(text, "state.folder", "x"), "folder: a\nbackup:\n  # folder: comment\n  folder: b\n "
                                                     " deep:\n    folder: c\nstate:\n  folder: x\n");
    EXPECT_EQ(with_value(text, "backup.deep.folder", "x"),
              "folder: a\nbackup:\n  # folder: comment\n  folder: b\n  deep:\n    folder: x\nstate:\n  "
              "folder: d\n");
    EXPECT_THROW(with_value(text, "backup.other", "x"), Error);
}

} // namespace
} // namespace miraclemax::installation
