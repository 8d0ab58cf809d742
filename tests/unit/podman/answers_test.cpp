#include "podman/answers.hpp"

#include "error.hpp"

#include <gmock/gmock.h>

namespace miraclemax::podman {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string failure_of(const std::function<void()>& read) {
    try {
        read();
    } catch (const Error& error) {
        EXPECT_EQ(error.code(), ExitCode::podman);
        return error.what();
    }
    return "nothing was thrown";
}

TEST(Answers, ReadAContainerAsPodman431WritesIt) {
    const auto container =
        read_container(R"({"Id":"4db9","Name":"db","Image":"f00d","Pod":"p1","IsInfra":false,
        "Dependencies":["77aa"],"RestartCount":0,
        "State":{"Status":"paused","Running":false,"Paused":true,"StartedAt":"2026-11-22T19:53:58.3Z",
                 "Health":{"Status":"healthy","Log":null}},
        "Mounts":[{"Type":"volume","Name":"data","Source":"/r/data/_data","Destination":"/data",
                   "Options":["nosuid","rbind"],"RW":true},
                  {"Type":"bind","Source":"/h/dir","Destination":"/hd","Options":null,"RW":false}],
        "Config":{"Labels":{"a":"b"},"StopTimeout":3,"StopSignal":15},
        "HostConfig":{"AutoRemove":true,"NetworkMode":"container:77aa"}})",
                       "inspect container db");
    EXPECT_EQ(container.id, "4db9");
    EXPECT_EQ(container.name, "db");
    EXPECT_EQ(container.image_id, "f00d");
    EXPECT_EQ(container.pod, "p1");
    EXPECT_TRUE(container.auto_remove);
    EXPECT_EQ(container.state, State::paused);
    EXPECT_EQ(container.started_at, "2026-11-22T19:53:58.3Z");
    EXPECT_THAT(container.dependencies, ElementsAre("77aa"));
    EXPECT_EQ(container.labels.at("a"), "b");
    EXPECT_EQ(container.stop_timeout, std::chrono::seconds(3));
    EXPECT_EQ(container.network_mode, "container:77aa");
    EXPECT_EQ(container.health, "healthy");
    ASSERT_EQ(container.mounts.size(), 2U);
    EXPECT_EQ(container.mounts[0].name, "data");
    EXPECT_THAT(container.mounts[0].options, ElementsAre("nosuid", "rbind"));
    EXPECT_TRUE(container.mounts[0].writable);
    EXPECT_EQ(container.mounts[1].source, "/h/dir");
    EXPECT_FALSE(container.mounts[1].writable);
}

TEST(Answers, FillInWhatIsMissingOrNull) {
    const auto container = read_container(
        R"({"Id":"1","Name":"n","State":{"Status":"running","Health":null},"Mounts":null,"Config":{"Labels":null}})",
        "inspect");
    EXPECT_EQ(container.state, State::running);
    EXPECT_EQ(container.stop_timeout, std::chrono::seconds(10));
    EXPECT_THAT(container.mounts, IsEmpty());
    EXPECT_THAT(container.labels, IsEmpty());
    EXPECT_EQ(container.health, "");
}

TEST(Answers, TakeTheOldKeyForHealth) {
    EXPECT_EQ(
        read_container(R"({"Id":"1","Name":"n","State":{"Healthcheck":{"Status":"unhealthy"}}})", "x").health,
        "unhealthy");
}

TEST(Answers, AHealthCheckIsReadWithPodmansDefaults) {
    const auto check = read_container(R"({"Id":"1","Name":"n",
        "State":{"Health":{"Status":"starting","FailingStreak":2,
                           "Log":[{"Start":"2026-01-01T00:00:01Z"},{"Start":"2026-01-01T00:00:02Z"}]}},
        "Config":{"Healthcheck":{"Test":["CMD","true"],"StartPeriod":1500000000,"Interval":1000000000,
                                 "Timeout":2000000000,"Retries":1}}})",
                                      "x")
                           .health_check;
    EXPECT_EQ(check.interval, std::chrono::seconds(1));
    EXPECT_EQ(check.timeout, std::chrono::seconds(2));
    EXPECT_EQ(check.start_period, std::chrono::milliseconds(1500));
    EXPECT_EQ(check.retries, 1);
    EXPECT_EQ(check.failing, 2);
    EXPECT_EQ(check.last_run, "2026-01-01T00:00:02Z");
    const auto sparse = read_container(R"({"Id":"1","Name":"n","State":{"Health":{"Status":"healthy"}},
        "Config":{"Healthcheck":{"Test":["CMD","true"]}}})",
                                       "x")
                            .health_check;
    EXPECT_EQ(sparse.interval, std::chrono::seconds(30));
    EXPECT_EQ(sparse.retries, 3);
    EXPECT_EQ(sparse.last_run, "");
}

TEST(Answers, BoundAnEndlessStopTimeout) {
    const auto container =
        read_container(R"({"Id":"1","Name":"n","Config":{"StopTimeout":18446744073709551615}})", "x");
    EXPECT_EQ(container.stop_timeout, std::chrono::hours(24 * 366));
}

TEST(Answers, KnowEveryStateByPodmansWord) {
    for (const auto state : {State::created, State::initialized, State::running, State::paused,
                             State::stopping, State::stopped, State::exited, State::removing}) {
        const std::string body =
            std::string(R"({"Id":"1","Name":"n","State":{"Status":")") + name_of(state) + "\"}}";
        EXPECT_EQ(read_container(body, "x").state, state) << name_of(state);
    }
    EXPECT_EQ(read_container(R"({"Id":"1","Name":"n","State":{"Status":"levitating"}})", "x").state,
              State::unknown);
}

TEST(Answers, SortVolumesAndReadTheirFlags) {
    const auto volumes = read_volumes(
        R"([{"Name":"z","Driver":"local","Mountpoint":"/m/z","CreatedAt":"t","Labels":{"l":"1"},"Options":{"o":"bind"},
             "NeedsCopyUp":true,"NeedsChown":true,"Anonymous":true},
            {"Name":"a","Driver":"image","Labels":null}])",
        "list volumes");
    ASSERT_EQ(volumes.size(), 2U);
    EXPECT_EQ(volumes[0].name, "a");
    EXPECT_FALSE(volumes[0].needs_copy_up);
    EXPECT_EQ(volumes[1].options.at("o"), "bind");
    EXPECT_TRUE(volumes[1].needs_copy_up && volumes[1].needs_chown && volumes[1].anonymous);
    EXPECT_THAT(read_volumes("null", "list volumes"), IsEmpty());
}

TEST(Answers, ReadInfo) {
    const auto info = read_info(
        R"({"version":{"Version":"5.4.2"},"store":{"volumePath":"/v"},"host":{"cgroupVersion":"v2","hostname":"server",
            "ociRuntime":{"name":"crun"},"security":{"rootless":true,"selinuxEnabled":true}}})",
        "x");
    EXPECT_EQ(info.version, "5.4.2");
    EXPECT_EQ(info.volume_path, "/v");
    EXPECT_EQ(info.cgroup_version, "v2");
    EXPECT_EQ(info.runtime, "crun");
    EXPECT_EQ(info.hostname, "server");
    EXPECT_TRUE(info.rootless && info.selinux);
}

TEST(Answers, RefuseNonsenseAndNameTheCall) {
    EXPECT_THAT(failure_of([] { (void)read_container("<html>", "inspect container db"); }),
                HasSubstr("can't inspect container db: podman's answer is not JSON"));
    EXPECT_THAT(failure_of([] { (void)read_container("[]", "inspect container db"); }), HasSubstr("object"));
    EXPECT_THAT(failure_of([] { (void)read_container(R"({"Id":"1"})", "x"); }), HasSubstr("Name"));
    EXPECT_THAT(failure_of([] { (void)read_container(R"({"Id":"1","Name":"n","Dependencies":"x"})", "x"); }),
                HasSubstr("Dependencies"));
    EXPECT_THAT(
        failure_of([] { (void)read_container(R"({"Id":"1","Name":"n","Config":{"Labels":{"a":1}}})", "x"); }),
        HasSubstr("Labels"));
    EXPECT_THAT(failure_of([] { (void)read_volumes(R"({"a":1})", "list volumes"); }),
                HasSubstr("not a list"));
    EXPECT_THAT(failure_of([] { (void)read_volumes("", "list volumes"); }), HasSubstr("not JSON"));
}

} // namespace
} // namespace miraclemax::podman
