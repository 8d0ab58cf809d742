#include "scene.hpp"

#include "error.hpp"

#include <algorithm>

namespace miraclemax::installation {
namespace {

using namespace testing;

std::string commands_of(const Plan& plan) {
    std::string all;
    for (const auto& step : plan.steps)
        if (step.kind == Step::Kind::command)
            all += spelled(step.command) + "\n";
    return all;
}

const Step* step_at(const Plan& plan, const fs::path& path) {
    const auto found = std::find_if(plan.steps.begin(), plan.steps.end(),
                                    [&](const Step& step) { return step.path == path; });
    return found == plan.steps.end() ? nullptr : &*found;
}

using PlanTest = Scene;

TEST_F(PlanTest, RootfulQuadletEnablesTheSocketAndStartsTheSidecarLast) {
    const auto plan = make_plan(host, wish);
    EXPECT_EQ(commands_of(plan), "systemctl enable --now podman.socket\nsystemctl daemon-reload\n"
                                 "systemctl start miraclemax.service\n");
    EXPECT_NE(step_at(plan, "/etc/containers/systemd/miraclemax.container"), nullptr);
    EXPECT_NE(step_at(plan, "/etc/containers/systemd/miraclemax-state.volume"), nullptr);
    EXPECT_EQ(plan.steps.back().undo, (std::vector<std::string>{"systemctl", "stop", "miraclemax.service"}));
    for (const auto& step : plan.steps)
        EXPECT_FALSE(step.what.empty() || step.why.empty() || step.undone.empty()) << step.what;
}

TEST_F(PlanTest, RootlessLivesInTheHomeAndLingers) {
    host.root = false;
    host.user = "me";
    host.home = "/home/me";
    host.config_home = "/home/me/.config";
    host.state_home = "/home/me/.local/state";
    host.data_home = "/home/me/.local/share";
    const auto plan = make_plan(host, wish);
    EXPECT_EQ(commands_of(plan),
              "loginctl enable-linger me\nsystemctl --user enable --now podman.socket\n"
              "systemctl --user daemon-reload\nsystemctl --user start miraclemax.service\n");
    for (const auto& step : plan.steps)
        EXPECT_TRUE(step.path.empty() || step.path.string().starts_with("/home/me/")) << step.path;
    EXPECT_NE(step_at(plan, "/home/me/.config/containers/systemd/miraclemax.container")
                  ->content.find("Volume=/home/me/.local/share/miraclemax/backups:/backups"),
              std::string::npos);
    host.lingers = true;
    EXPECT_EQ(commands_of(make_plan(host, wish)).find("loginctl"), std::string::npos);
}

TEST_F(PlanTest, WhatIsSoAlreadyIsNoStep) {
    host.socket_enabled = true;
    host.service_active = true;
    const auto plan = make_plan(host, wish);
    EXPECT_EQ(commands_of(plan), "systemctl daemon-reload\nsystemctl restart miraclemax.service\n");
    for (const auto& step : plan.steps)
        EXPECT_TRUE(step.kind != Step::Kind::command || (step.after_units && !step.always_due)) << step.what;
}

TEST_F(PlanTest, WithoutSystemdEverythingElseIsTold) {
    host.systemd = false;
    const auto plan = make_plan(host, wish);
    EXPECT_EQ(commands_of(plan), "");
    std::string by_hand;
    for (const auto& text : plan.by_hand)
        by_hand += text + "\n";
    for (const char* command :
         {"systemctl enable --now podman.socket", "systemctl daemon-reload",
          "systemctl start miraclemax.service", "podman exec miraclemax miraclemax check"})
        EXPECT_NE(by_hand.find(command), std::string::npos) << command;
}

TEST_F(PlanTest, AMissingImageIsNotStarted) {
    host.image = false;
    const auto plan = make_plan(host, wish);
    EXPECT_EQ(commands_of(plan).find("start miraclemax"), std::string::npos);
    EXPECT_NE(plan.by_hand.at(0).find("localhost/miraclemax:latest is not there"), std::string::npos);
}

TEST_F(PlanTest, TimerRunsThisProgramWithTheHostsFolders) {
    wish.way = Way::timer;
    wish.program = "/usr/local/bin/miraclemax";
    wish.backups = "/srv/backups";
    wish.signing_key = true;
    const auto plan = make_plan(host, wish);
    EXPECT_EQ(commands_of(plan), "systemctl enable --now podman.socket\nsystemctl daemon-reload\n"
                                 "systemctl enable miraclemax-recover.service\n"
                                 "systemctl enable --now miraclemax-backup.timer miraclemax-verify.timer\n");
    EXPECT_EQ(step_at(plan, "/etc/miraclemax/config.yml")->content,
              "instance: miraclemax\n\nbackup:\n  # Where.\n  folder: /srv/backups\n\nstate:\n"
              "  folder: /var/lib/miraclemax\n\nencryption:\n  keys: [/etc/miraclemax/keys]\n  default: "
              "optional\n");
    const auto service = step_at(plan, "/etc/systemd/system/miraclemax-backup.service")->content;
    EXPECT_NE(
        service.find("\nExecStart=/usr/local/bin/miraclemax --config /etc/miraclemax/config.yml backup\n"),
        std::string::npos);
    EXPECT_NE(service.find(
                  "\nExecStopPost=/usr/local/bin/miraclemax --config /etc/miraclemax/config.yml recover\n"),
              std::string::npos);
    EXPECT_NE(step_at(plan, "/var/lib/miraclemax/signing"), nullptr);
}

TEST_F(PlanTest, ComposeKeepsToItsFolder) {
    wish.way = Way::compose;
    wish.folder = "/srv/sidecar";
    const auto plan = make_plan(host, wish);
    for (const auto& step : plan.steps)
        EXPECT_TRUE(step.path.empty() || step.path.string().starts_with("/srv/sidecar")) << step.path;
    EXPECT_EQ(commands_of(plan), "systemctl enable --now podman.socket\n");
    EXPECT_NE(plan.by_hand.back().find("podman-compose -f /srv/sidecar/miraclemax.yml up -d"),
              std::string::npos);
}

TEST_F(PlanTest, RefusesAHostWithoutQuadletAndPathsThatUnitsCantTake) {
    wish.backups = "/srv/my backups";
    EXPECT_THROW(make_plan(host, wish), Error);
    wish.backups = "/srv/%h";
    EXPECT_THROW(make_plan(host, wish), Error);
    wish.backups.clear();
    wish.image = "name\nPodmanArgs=--privileged";
    EXPECT_THROW(make_plan(host, wish), Error);
    wish.image = "localhost/miraclemax:latest";
    host.quadlet = false;
    try {
        make_plan(host, wish);
        FAIL();
    } catch (const Error& error) {
        EXPECT_EQ(error.code(), ExitCode::config);
        EXPECT_NE(error.remedy().find("--timer"), std::string::npos);
    }
}

} // namespace
} // namespace miraclemax::installation
