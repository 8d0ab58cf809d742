#include "podman/rest_engine.hpp"

#include <gtest/gtest.h>

namespace miraclemax::podman {
namespace {

const std::string id(64, '7');
const std::string other(64, '8');

TEST(Self, IsInTheMountOfContainerenv) {
    const auto text = "600 599 0:52 / / rw,relatime - overlay overlay rw\n"
                      "621 600 0:24 /containers/storage/overlay-containers/" +
                      other +
                      "/userdata/hostname /etc/hostname rw,nosuid - tmpfs tmpfs rw\n"
                      "622 600 0:24 /containers/storage/overlay-containers/" +
                      id + "/userdata/.containerenv /run/.containerenv rw,nosuid - tmpfs tmpfs rw\n";
    EXPECT_EQ(own_container_id(text), id);
}

TEST(Self, IsElseInTheMountOfHostname) {
    EXPECT_EQ(own_container_id("621 600 0:24 /x/vfs-containers/" + id +
                               "/userdata/hostname /etc/hostname rw - t t rw\n"),
              id);
}

TEST(Self, IsNothingOnAHost) {
    EXPECT_EQ(own_container_id("25 30 0:23 / /sys rw - sysfs sysfs rw\nnonsense\n\n"), std::nullopt);
    // A container's file that is mounted somewhere else says nothing about us.
    EXPECT_EQ(
        own_container_id("621 600 0:24 /overlay-containers/" + id + "/userdata/shm /var/x rw - t t rw\n"),
        std::nullopt);
    EXPECT_EQ(
        own_container_id("621 600 0:24 /overlay-containers/tooshort/userdata/h /etc/hostname rw - t t rw\n"),
        std::nullopt);
}

} // namespace
} // namespace miraclemax::podman
