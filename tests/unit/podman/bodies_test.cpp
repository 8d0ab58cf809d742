#include "podman/bodies.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace miraclemax::podman {
namespace {

using Json = nlohmann::json;

TEST(Bodies, CreateShutsTheWorkerIn) {
    const auto body = Json::parse(create_body(
        {.name = "mm-worker",
         .image = "f00d",
         .command = {"/usr/bin/miraclemax", "worker"},
         .labels = {{"miraclemax.worker", "1"}},
         .binds = {{.source = "/b", .destination = "/out"},
                   {.source = "/s", .destination = "/src", .read_only = true, .propagation = "rslave"}},
         .volumes = {{.name = "data", .destination = "/v"}},
         .capabilities = {"DAC_READ_SEARCH"}}));
    EXPECT_EQ(body["user"], "0:0");
    EXPECT_EQ(body["netns"], Json({{"nsmode", "none"}}));
    EXPECT_EQ(body["cap_drop"], Json::array({"ALL"}));
    EXPECT_EQ(body["cap_add"], Json::array({"CAP_DAC_READ_SEARCH"}));
    EXPECT_EQ(body["read_only_filesystem"], true);
    EXPECT_EQ(body["no_new_privileges"], true);
    EXPECT_EQ(body["selinux_opts"], Json::array({"disable"}));
    EXPECT_EQ(body["restart_policy"], "no");
    EXPECT_EQ(body["stop_timeout"], 1);
    EXPECT_EQ(body["entrypoint"], Json::array({"/usr/bin/miraclemax", "worker"}));
    EXPECT_EQ(body["labels"]["miraclemax.worker"], "1");
    EXPECT_EQ(body["volumes"], Json::parse(R"([{"Name":"data","Dest":"/v","Options":["ro","nocopy"]}])"));
    EXPECT_EQ(body["mounts"][0]["options"], Json::array({"rbind", "rw"}));
    EXPECT_EQ(body["mounts"][1]["options"], Json::array({"rbind", "ro", "rslave"}));
    EXPECT_EQ(body["mounts"][2]["type"], "tmpfs"); // podman 5 gives a read-only container none by itself
    EXPECT_EQ(body["mounts"][2]["destination"], "/tmp");
}

TEST(Bodies, AVolumeToRestoreIntoIsWritableAndNeverCopiedUp) {
    const auto body =
        Json::parse(create_body({.volumes = {{.name = "data", .destination = "/v", .read_only = false}}}));
    EXPECT_EQ(body["volumes"][0]["Options"], Json::array({"rw", "nocopy"}));
}

TEST(Bodies, AVolumeIsMadeOfWhatIsRecorded) {
    EXPECT_EQ(Json::parse(volume_body({.name = "data",
                                       .driver = "local",
                                       .labels = {{"miraclemax.backup", "true"}},
                                       .options = {{"type", "none"}, {"o", "bind"}, {"device", "/srv/a"}}})),
              Json::parse(R"({"Name":"data","Driver":"local","Labels":{"miraclemax.backup":"true"},)"
                          R"("Options":{"type":"none","o":"bind","device":"/srv/a"}})"));
    // Empty ones must be objects, and podman chooses the driver.
    EXPECT_EQ(volume_body({.name = "data"}), R"({"Labels":{},"Name":"data","Options":{}})");
    EXPECT_NO_THROW((void)volume_body({.name = "data", .labels = {{"x", "\xff"}}}));
}

TEST(Bodies, ArgvPassesUnchangedAndNoBytesBreakIt) {
    const auto body = Json::parse(exec_body({"sh", "-c", "echo \"$HOME\"\n"}));
    EXPECT_EQ(body["Cmd"], Json::array({"sh", "-c", "echo \"$HOME\"\n"}));
    EXPECT_EQ(body["AttachStdin"], false);
    EXPECT_NO_THROW((void)exec_body({"\xff\xfe"}));
}

TEST(Bodies, LabelFilter) {
    EXPECT_EQ(label_filter("a=b=\"c\""), R"({"label":["a=b=\"c\""]})");
}

} // namespace
} // namespace miraclemax::podman
