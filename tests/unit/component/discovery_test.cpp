#include "host_of.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace miraclemax::component {
namespace {

using namespace test;
using testing::HasSubstr;

TEST(Discovery, LabelSelectsAndTunesAVolume) {
    const auto found = discover(
        {.volumes = {volume("db", {{"miraclemax.backup", "true"},
                                   {"miraclemax.component", "postgres"},
                                   {"miraclemax.category", "databases"},
                                   {"miraclemax.encryption", "required"},
                                   {"miraclemax.priority", "critical"},
                                   {"miraclemax.quiesce", "stop"},
                                   {"miraclemax.group", "shop"},
                                   {"miraclemax.exclude", "*.tmp,pgsql_tmp/"},
                                   {"miraclemax.max-freeze", "5s"}}),
                     volume("plain", backed), volume("other"), volume("no", {{"miraclemax.backup", "False"}}),
                     volume("big", {{"miraclemax.backup", "optional"}})}});
    EXPECT_EQ(joined(found.warnings), "");
    EXPECT_TRUE(found.problems.empty());
    ASSERT_EQ(found.components.size(), 3U);
    const auto& db = found.components.front(); // critical comes first
    EXPECT_EQ(db.name, "postgres");
    EXPECT_EQ(db.category, "databases");
    EXPECT_EQ(db.encryption, Encryption::required);
    EXPECT_EQ(db.priority, Priority::critical);
    EXPECT_EQ(db.quiesce, Quiesce::stop);
    EXPECT_EQ(db.group, "shop");
    EXPECT_EQ(db.exclude, (std::vector<std::string>{"*.tmp", "pgsql_tmp/"}));
    EXPECT_EQ(db.max_freeze, std::chrono::seconds(5));
    EXPECT_EQ(db.selected_by, "label of volume db");
    EXPECT_EQ(db.source.path, "/store/db/_data");
    EXPECT_EQ(db.source.created_at, "2025-01-01T00:00:00Z");
    const auto* plain = find(found, "plain");
    ASSERT_NE(plain, nullptr);
    EXPECT_EQ(plain->category, "volumes");
    EXPECT_EQ(plain->encryption, Encryption::optional);
    EXPECT_EQ(plain->priority, Priority::medium);
    EXPECT_FALSE(plain->optional);
    EXPECT_TRUE(find(found, "big")->optional);
    EXPECT_EQ(excluded_why(found, "volume other"), "no label miraclemax.backup");
    EXPECT_THAT(excluded_why(found, "volume no"), HasSubstr("backup=false"));
}

TEST(Discovery, AWrongValueFailsItsComponentAlone) {
    const auto found = discover(
        {.volumes = {volume("bad", {{"miraclemax.backup", "true"}, {"miraclemax.quiesce", "freeze"}}),
                     volume("unclear", {{"miraclemax.backup", "yes"}}), volume("good", backed)}});
    EXPECT_EQ(found.components.size(), 1U);
    EXPECT_THAT(problems_of(found, "bad"), HasSubstr("label miraclemax.quiesce of volume bad is \"freeze\""));
    EXPECT_THAT(problems_of(found, "bad"), HasSubstr("use auto, pause, stop or none"));
    EXPECT_THAT(problems_of(found, "unclear"), HasSubstr("miraclemax.backup"));
    EXPECT_EQ(excluded_why(found, "volume unclear"), "not excluded");
}

TEST(Discovery, ConfigurationReplacesAWrongLabelButNotAWrongEncryption) {
    const podman::Labels labels{
        {"miraclemax.backup", "true"}, {"miraclemax.quiesce", "freeze"}, {"miraclemax.encryption", "yes"}};
    Facts facts{.volumes = {volume("db", labels)},
                .configured = {{.volume = "db", .choice = {.encryption = "optional", .quiesce = "pause"}}}};
    const auto failed = discover(facts);
    EXPECT_TRUE(failed.components.empty());
    EXPECT_THAT(problems_of(failed, "db"), HasSubstr("miraclemax.encryption"));
    EXPECT_THAT(problems_of(failed, "db"), testing::Not(HasSubstr("freeze")));
    facts.configured.front().choice.encryption = "required";
    const auto right = discover(facts);
    ASSERT_NE(find(right, "db"), nullptr);
    EXPECT_EQ(find(right, "db")->quiesce, Quiesce::pause);
    EXPECT_THAT(joined(right.warnings), HasSubstr("freeze"));
}

TEST(Discovery, PrecedenceIsConfigurationContainerVolume) {
    const auto found = discover(
        {.volumes = {volume("db", {{"miraclemax.backup", "true"},
                                   {"miraclemax.component", "low"},
                                   {"miraclemax.category", "low"},
                                   {"miraclemax.priority", "low"},
                                   {"miraclemax.encryption", "required"}})},
         .containers = {container("app", {of_volume("db", "/data")},
                                  {{"miraclemax.mounts", R"([{"dest":"/data/","component":"middle",
                                     "category":"middle","encryption":"optional"}])"}})},
         .configured = {
             {.volume = "db", .choice = {.component = "high", .encryption = "never"}, .where = "c line 1"}}});
    ASSERT_EQ(found.components.size(), 1U);
    EXPECT_EQ(found.components[0].name, "high");
    EXPECT_EQ(found.components[0].category, "middle");
    EXPECT_EQ(found.components[0].priority, Priority::low);
    EXPECT_EQ(found.components[0].encryption, Encryption::required); // the strictest of all
    EXPECT_EQ(found.components[0].selected_by, "configuration");
}

TEST(Discovery, NamingSelectsAndKeepsOptional) {
    const auto found =
        discover({.volumes = {volume("silent"), volume("off", {{"miraclemax.backup", "false"}}),
                              volume("opt", {{"miraclemax.backup", "optional"}}), volume("out", backed)},
                  .configured = {{.volume = "silent"},
                                 {.volume = "off"},
                                 {.volume = "opt"},
                                 {.volume = "out", .choice = {.backup = "false"}},
                                 {.volume = "gone", .where = "config.yml line 9"},
                                 {.volume = "gone2", .choice = {.backup = "false"}}}});
    EXPECT_NE(find(found, "silent"), nullptr);
    EXPECT_NE(find(found, "off"), nullptr);
    EXPECT_THAT(joined(found.warnings), HasSubstr("volume off"));
    ASSERT_NE(find(found, "opt"), nullptr);
    EXPECT_TRUE(find(found, "opt")->optional);
    EXPECT_THAT(excluded_why(found, "volume out"), HasSubstr("configuration"));
    EXPECT_THAT(problems_of(found, "gone"), HasSubstr("config.yml line 9: podman has no volume gone"));
    EXPECT_EQ(problems_of(found, "gone2"), "");
}

TEST(Discovery, ConfiguredPathsAreComponents) {
    const auto found = discover({.configured = {{.path = "/home/me/n8n-data/"},
                                                {.path = "/srv/web", .choice = {.component = "site"}},
                                                {.path = "relative", .where = "c line 3"},
                                                {.path = "/srv/my files", .where = "c line 4"}}});
    ASSERT_NE(find(found, "n8n-data"), nullptr);
    EXPECT_EQ(find(found, "n8n-data")->source.kind, Source::Kind::path);
    EXPECT_EQ(find(found, "n8n-data")->source.path, "/home/me/n8n-data");
    EXPECT_EQ(find(found, "n8n-data")->category, "volumes");
    EXPECT_NE(find(found, "site"), nullptr);
    EXPECT_THAT(problems_of(found, "relative"), HasSubstr("absolute"));
    EXPECT_THAT(problems_of(found, "my files"), HasSubstr("component"));
}

TEST(Discovery, MountsLabelNamesBindsAndVolumes) {
    const auto found =
        discover({.volumes = {volume("old")},
                  .containers = {container(
                      "web", {of_path("/srv/www/", "/www"), of_volume("old", "/data"), of_path("/x", "/x")},
                      {{"miraclemax.mounts",
                        R"([{"dest":"/www","priority":"high","backup":true,"max-freeze":30,
                                        "exclude":["a,b"]},{"dest":"/data","component":"kept"}])"}})}});
    EXPECT_TRUE(found.problems.empty()) << problems_of(found, "web");
    ASSERT_EQ(found.components.size(), 2U);
    EXPECT_EQ(found.components[0].name, "www");
    EXPECT_EQ(found.components[0].source.path, "/srv/www");
    EXPECT_EQ(found.components[0].max_freeze, std::chrono::seconds(30));
    EXPECT_EQ(found.components[0].exclude, std::vector<std::string>{"a,b"});
    EXPECT_EQ(found.components[0].selected_by, "label of container web");
    EXPECT_EQ(found.components[1].name, "kept");
    EXPECT_EQ(found.components[1].source.volume, "old");
}

TEST(Discovery, AMountsLabelThatIsWrongIsAProblem) {
    const auto mounts = [](const std::string& label) {
        return discover(
            {.volumes = {volume("v")},
             .containers = {container("web", {of_volume("v", "/data")}, {{"miraclemax.mounts", label}})}});
    };
    for (const auto* wrong :
         {"", "true", "{}", "[1]", "[{}]", R"([{"dest":1}])", R"([{"dest":"data"}])", "[{\"dest\""})
        EXPECT_NE(problems_of(mounts(wrong), "web"), "") << wrong;
    EXPECT_THAT(problems_of(mounts(R"([{"dest":"/dat"}])"), "web"), HasSubstr("its mounts are /data"));
    EXPECT_THAT(problems_of(mounts(R"([{"dest":"/data","encyrption":"required"}])"), "v"),
                HasSubstr("\"encryption\"?"));
    EXPECT_THAT(problems_of(mounts(R"([{"dest":"/data","quiesce":"x"}])"), "v"),
                HasSubstr("quiesce is \"x\""));
    EXPECT_NE(problems_of(mounts(R"([{"dest":"/data","priority":["high"]}])"), "v"), "");
    EXPECT_TRUE(mounts(R"([{"dest":"/data","priority":["high"]}])").components.empty());
}

TEST(Discovery, TwoContainersMustAgree) {
    const auto both = [](const std::string& one, const std::string& other) {
        return discover(
            {.containers = {container("a", {of_path("/srv", "/a")}, {{"miraclemax.mounts", one}}),
                            container("b", {of_path("/srv/", "/b")}, {{"miraclemax.mounts", other}})}});
    };
    const auto same =
        both(R"([{"dest":"/a","component":"s"}])", R"([{"dest":"/b","component":"s","priority":"low"}])");
    ASSERT_EQ(same.components.size(), 1U);
    EXPECT_EQ(same.components[0].priority, Priority::low);
    EXPECT_EQ(same.components[0].selected_by, "label of container a, b");
    const auto differ = both(R"([{"dest":"/a","component":"s"}])", R"([{"dest":"/b","component":"t"}])");
    EXPECT_TRUE(differ.components.empty());
    EXPECT_THAT(problems_of(differ, "s"), testing::AllOf(HasSubstr("container a"), HasSubstr("container b")));
}

TEST(Discovery, ClashAndOverlapFailAllThatAreInvolved) {
    const auto clash =
        discover({.volumes = {volume("a", {{"miraclemax.backup", "true"}, {"miraclemax.component", "b"}}),
                              volume("b", backed), volume("c", backed)}});
    ASSERT_EQ(clash.components.size(), 1U);
    EXPECT_EQ(clash.components[0].name, "c");
    EXPECT_THAT(problems_of(clash, "b"), testing::AllOf(HasSubstr("volume a"), HasSubstr("volume b")));

    const auto overlapping =
        discover({.volumes = {bound("share", "/srv/data", backed)},
                  .configured = {{.path = "/srv/data/inner"}, {.path = "/srv/database"}}});
    ASSERT_EQ(overlapping.components.size(), 1U);
    EXPECT_EQ(overlapping.components[0].name, "database");
    EXPECT_THAT(problems_of(overlapping, "share"), HasSubstr("overlap"));
    EXPECT_THAT(problems_of(overlapping, "inner"), HasSubstr("overlap"));
}

TEST(Discovery, ABoundVolumeIsItsDevice) {
    const auto found =
        discover({.volumes = {bound("b", "/srv/b/", backed), bound("twin", "/srv/b"),
                              volume("nfs", {{"miraclemax.backup", "true"}})},
                  .containers = {container("w", {of_path("/srv/b", "/d")},
                                           {{"miraclemax.mounts", R"([{"dest":"/d","priority":"low"}])"}})}});
    ASSERT_NE(find(found, "b"), nullptr);
    EXPECT_EQ(find(found, "b")->source.path, "/srv/b");
    EXPECT_EQ(find(found, "b")->priority, Priority::low); // a bind of the device is the volume
    EXPECT_FALSE(find(found, "b")->source.plain());
    EXPECT_EQ(find(found, "b")->source.aliases,
              (std::vector<std::string>{"/store/b/_data", "/store/twin/_data"}));
}

TEST(Discovery, NeverMountedNeedsBothMarksAndNoContainer) {
    auto fresh = volume("fresh", backed);
    fresh.needs_chown = fresh.needs_copy_up = true;
    auto half = volume("half", backed);
    half.needs_copy_up = true; // stays set when the image's folder is empty, though there is data by now
    auto used = fresh;
    used.name = "used";
    used.mountpoint = "/store/used/_data";
    auto device = bound("device", "/srv/full", backed);
    device.needs_chown = device.needs_copy_up = true;
    const auto found = discover({.volumes = {fresh, half, used, device},
                                 .containers = {container("app", {of_path("/store/used/_data", "/d")}),
                                                container("sidecar", {of_path("/store", "/volumes")})},
                                 .self_id = "id-sidecar"});
    EXPECT_TRUE(find(found, "fresh")->source.never_mounted);
    EXPECT_FALSE(find(found, "half")->source.never_mounted);
    EXPECT_FALSE(find(found, "used")->source.never_mounted);
    EXPECT_FALSE(find(found, "device")->source.never_mounted);
}

TEST(Discovery, TheSidecarsOwnIsNeverBackedUp) {
    const auto self =
        container("sidecar",
                  {of_volume("state", "/var/lib/miraclemax"), of_path("/mnt/backups", "/backups"),
                   of_path("/store", "/volumes"), of_volume("labelled", "/labelled")},
                  {{"miraclemax.mounts", R"([{"dest":"/labelled"}])"}});
    const auto found =
        discover({.volumes = {volume("state", backed), volume("labelled"), volume("app", backed)},
                  .containers = {self},
                  .configured = {{.path = "/mnt", .where = "c line 1"}, {.path = "/mnt2"}},
                  .self_id = self.id});
    EXPECT_THAT(problems_of(found, "state"), HasSubstr("never part of a backup"));
    EXPECT_THAT(problems_of(found, "mnt"), HasSubstr("/mnt/backups"));
    EXPECT_EQ(excluded_why(found, "volume labelled"), "no label miraclemax.backup");
    EXPECT_NE(find(found, "app"), nullptr);
    EXPECT_NE(find(found, "mnt2"), nullptr);

    const auto quiet = discover({.volumes = {volume("state")}, .containers = {self}, .self_id = self.id});
    EXPECT_THAT(excluded_why(quiet, "volume state"), HasSubstr("never part of a backup"));
    const auto on_host = discover({.configured = {{.path = "/data"}}, .own_folders = {"/data/backups"}});
    EXPECT_THAT(problems_of(on_host, "data"), HasSubstr("never part of a backup"));
}

TEST(Discovery, StrayLabelsAreWarnings) {
    const auto found = discover(
        {.volumes = {volume("a", {{"miraclemax.backups", "true"}}),
                     volume("b", {{"miraclemax.priority", "high"}}),
                     volume("c", {{"miraclemax.quiesce", "never"}})},
         .containers = {container("web", {}, {{"miraclemax.backup", "true"}, {"miraclemax.hook.befor", "x"}}),
                        container("w", {}, {{"miraclemax.worker", "a"}, {"miraclemax.mounts", "nonsense"}}),
                        container("self", {})},
         .self_id = "id-self"});
    EXPECT_TRUE(found.components.empty());
    EXPECT_TRUE(found.problems.empty()); // nobody asked for b or c, and workers' labels are ours
    const auto warnings = joined(found.warnings);
    EXPECT_THAT(warnings, HasSubstr("miraclemax.backups of volume a is unknown and ignored; did you mean "
                                    "\"miraclemax.backup\"?"));
    EXPECT_THAT(warnings, HasSubstr("volume b has miraclemax labels but no miraclemax.backup"));
    EXPECT_THAT(warnings, HasSubstr("label miraclemax.backup of container web says nothing there"));
    EXPECT_THAT(warnings, HasSubstr("\"miraclemax.hook.before\"?"));
}

TEST(Discovery, AnonymousVolumesStayOutUnlessNamed) {
    auto hash = volume(std::string(64, 'a'));
    hash.anonymous = true;
    const auto out = discover({.volumes = {hash}});
    EXPECT_THAT(excluded_why(out, "volume " + hash.name), HasSubstr("anonymous"));
    const auto in = discover(
        {.volumes = {hash},
         .containers = {container("db", {of_volume(hash.name, "/db")},
                                  {{"miraclemax.mounts", R"([{"dest":"/db","component":"db"}])"}})}});
    EXPECT_NE(find(in, "db"), nullptr);
    EXPECT_THAT(joined(in.warnings), HasSubstr("anonymous"));
}

TEST(Guide, ShowsTheFormThatWorksForWhatIsThere) {
    const auto text =
        guide({.volumes = {volume("unused"), volume("n8n-data"), volume("state")},
               .containers = {container("sidecar", {of_volume("state", "/var/lib/miraclemax")}),
                              container("proj_n8n_1", {of_volume("n8n-data", "/home/node/.n8n")},
                                        {{"com.docker.compose.service", "n8n"}})},
               .self_id = "id-sidecar"});
    EXPECT_THAT(text, HasSubstr("Volumes of this host: unused, n8n-data\n"));
    EXPECT_THAT(text, HasSubstr("    n8n:\n"));
    EXPECT_THAT(text, HasSubstr(R"(miraclemax.mounts: '[{"dest":"/home/node/.n8n"}]')"));
    EXPECT_THAT(text, HasSubstr("- volume: n8n-data"));
    EXPECT_THAT(guide({}), HasSubstr("miraclemax.backup: \"true\""));
}

} // namespace
} // namespace miraclemax::component
