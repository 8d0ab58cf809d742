#include "host_of.hpp"

#include <gtest/gtest.h>

namespace miraclemax::component {
namespace {

using namespace test;

Component of(const std::string& name, Priority priority = Priority::medium, const std::string& group = {}) {
    return {.name = name,
            .priority = priority,
            .group = group,
            .source = {.kind = Source::Kind::volume, .path = "/store/" + name + "/_data", .volume = name}};
}

Component at(const std::string& path) {
    return {.name = "p", .source = {.kind = Source::Kind::path, .path = path}};
}

TEST(Writes, AWritableMountThatTouchesThePath) {
    const auto writes_to = [](const podman::Mount& mount, const Component& component) {
        return writes(container("c", {mount}), component);
    };
    EXPECT_TRUE(writes_to(of_volume("db", "/d"), of("db")));
    EXPECT_FALSE(writes_to(of_volume("db", "/d", false), of("db")));
    EXPECT_FALSE(writes_to(of_volume("db2", "/d"), of("db")));
    EXPECT_TRUE(writes_to(of_path("/store/db/_data", "/d"), of("db"))); // a bind of the volume's folder
    EXPECT_TRUE(writes_to(of_path("/srv/a/", "/d"), at("/srv/a")));
    EXPECT_TRUE(writes_to(of_path("/srv/a/deep", "/d"), at("/srv/a")));
    EXPECT_TRUE(writes_to(of_path("/srv", "/d"), at("/srv/a")));
    EXPECT_FALSE(writes_to(of_path("/srv/ab", "/d"), at("/srv/a")));
    auto overlay = of_volume("db", "/d");
    overlay.options = {"nodev", "O"};
    EXPECT_FALSE(writes_to(overlay, of("db")));
    auto pathless = of("plugin");
    pathless.source.path.clear();
    EXPECT_TRUE(writes_to(of_volume("plugin", "/d"), pathless));
    EXPECT_FALSE(writes_to({.type = "tmpfs", .source = "", .destination = "/t"}, pathless));
}

TEST(Writes, ThroughAnotherVolumeOverTheSameFolder) {
    const auto found = discover({.volumes = {bound("one", "/srv/x", backed), bound("two", "/srv/x/sub")}});
    ASSERT_EQ(found.components.size(), 1U);
    EXPECT_TRUE(writes(container("c", {of_volume("two", "/d")}), found.components[0]));
    EXPECT_TRUE(writes(container("c", {of_path("/store/one/_data", "/d")}), found.components[0]));
    EXPECT_FALSE(writes(container("c", {of_volume("three", "/d")}), found.components[0]));
}

TEST(Group, ConnectedByWritersAndByName) {
    const auto groups =
        group({of("low", Priority::low), of("a"), of("b"), of("c", Priority::high),
               of("n1", Priority::low, "shop"), of("n2", Priority::low, "shop")},
              {container("z", {of_volume("a", "/a"), of_volume("b", "/b")}),
               container("y", {of_volume("b", "/b"), of_volume("c", "/c")}),
               container("reader", {of_volume("low", "/l", false), of_volume("a", "/a", false)})},
              std::nullopt);
    ASSERT_EQ(groups.size(), 3U);
    EXPECT_EQ(groups[0].name, "c+a+b"); // the highest priority leads
    ASSERT_EQ(groups[0].writers.size(), 2U);
    EXPECT_EQ(groups[0].writers[0].name, "y");
    EXPECT_EQ(groups[0].writers[0].components, (std::vector<std::string>{"b", "c"}));
    EXPECT_EQ(groups[1].name, "low");
    EXPECT_TRUE(groups[1].writers.empty()); // a reader freezes nothing
    EXPECT_EQ(groups[2].name, "shop");
    EXPECT_EQ(groups[2].members.size(), 2U);
}

TEST(Group, SelfWorkersAndInfraAreNeverWriters) {
    auto infra = container("infra", {of_volume("a", "/a")});
    infra.infra = true;
    auto exited = container("exited", {of_volume("a", "/a")});
    exited.state = podman::State::exited;
    const auto groups = group(
        {of("a"), of("b")},
        {infra, exited, container("self", {of_path("/store", "/volumes")}),
         container("worker", {of_volume("a", "/a"), of_volume("b", "/b")}, {{"miraclemax.worker", "a"}})},
        "id-self");
    ASSERT_EQ(groups.size(), 2U);
    ASSERT_EQ(groups[0].writers.size(), 1U);
    EXPECT_EQ(groups[0].writers[0].name, "exited"); // in any state
    EXPECT_TRUE(groups[1].writers.empty());
}

TEST(Group, TheWorkersLabelAloneHidesNoWriter) {
    auto self = container("self", {});
    self.image_id = "sidecar";
    auto stranger = container("stranger", {of_volume("a", "/a")}, {{"miraclemax.worker", "a"}});
    stranger.image_id = "other";
    EXPECT_EQ(group({of("a")}, {self, stranger}, self.id).at(0).writers.size(), 1U);
    EXPECT_EQ(group({of("a")}, {stranger}, std::nullopt).at(0).writers.size(), 1U);
}

TEST(Group, NothingIsNoGroup) {
    EXPECT_TRUE(group({}, {container("c", {})}, std::nullopt).empty());
}

} // namespace
} // namespace miraclemax::component
