#include "unit/run/house.hpp"

#include "quiesce/journal.hpp"
#include "run/recover.hpp"
#include "stream/digest.hpp"

#include <sys/wait.h>

#include <algorithm>

namespace miraclemax::run {
namespace {

using Calls = std::vector<std::string>;

TEST_F(House, PublishesWhatIsLabelledAndReleasesIt) {
    add("one", "a");
    add("two", "b");
    const auto result = back_up();
    EXPECT_EQ(result.code, ExitCode::ok);
    EXPECT_TRUE(result.published && result.latest && result.manifest.complete);
    EXPECT_EQ(engine.calls(), (Calls{"pause a", "unpause a", "pause b", "unpause b"}));
    ASSERT_EQ(result.manifest.components.size(), 2U);
    for (const auto& component : result.manifest.components) {
        const auto stored =
            stream::digest_of_file(settings.backups / result.manifest.id / component.archive.file.path);
        EXPECT_EQ(stored.sha256, component.archive.file.sha256);
        EXPECT_EQ(component.entries.files, 1U);
        EXPECT_EQ(component.worker, "child");
    }
    EXPECT_EQ(debris(), 0U);
    EXPECT_TRUE(std::filesystem::is_empty(settings.journals()));
}

TEST_F(House, TheSecondBackupNamesTheFirst) {
    add("one", "a");
    const auto first = back_up();
    const auto second = back_up();
    EXPECT_EQ(second.manifest.previous_id, first.manifest.id);
    EXPECT_EQ(ids(), (Calls{first.manifest.id, second.manifest.id}));
}

TEST_F(House, AManifestThatCanNotBeReadIsNoReasonNotToBackUp) {
    add("one", "a");
    const auto first = back_up();
    const auto second = back_up();
    std::ofstream(settings.backups / second.manifest.id / "manifest.json") << "{";
    recorder.warnings.clear();
    const auto third = back_up();
    EXPECT_TRUE(third.published);
    EXPECT_EQ(third.manifest.previous_id, first.manifest.id);
    EXPECT_EQ(third.manifest.previous_sha256,
              stream::digest_of_file(settings.backups / first.manifest.id / "manifest.json").sha256);
    EXPECT_TRUE(std::any_of(recorder.warnings.begin(), recorder.warnings.end(), [&](const auto& each) {
        return each.find("does not name " + second.manifest.id) != std::string::npos;
    }));
}

TEST_F(House, DebrisThatCanNotBeDeletedIsNoReasonNotToBackUp) {
    add("one", "a");
    const auto debris = settings.backups / ".partial-20200101_000000";
    std::filesystem::create_directories(debris);
    const SmallDisk disk(debris);
    if (!disk.mounted())
        GTEST_SKIP() << "no mounts here";
    const auto result = back_up();
    EXPECT_TRUE(result.published);
    EXPECT_TRUE(std::any_of(recorder.warnings.begin(), recorder.warnings.end(), [](const auto& each) {
        return each.find("what a dead run left is in the way") != std::string::npos;
    }));
}

TEST_F(House, APublishedBackupIsToldAsSuchWhenLatestCanNotBeMoved) {
    add("one", "a");
    std::filesystem::create_directories(settings.backups / "latest" / "full");
    const auto result = back_up();
    EXPECT_EQ(result.code, ExitCode::incomplete);
    EXPECT_TRUE(result.published && result.manifest.complete);
    EXPECT_FALSE(result.latest);
    EXPECT_EQ(ids(), Calls{result.manifest.id});
    ASSERT_EQ(recorder.warnings.size(), 2U); // the other: nothing is encrypted
    EXPECT_NE(recorder.warnings.back().find("`latest` could not be moved"), std::string::npos);
}

TEST_F(House, APublishedBackupIsToldAsSuchWhenTheJournalCanNotBeRemoved) {
    add("one", "a");
    engine.on_call([&](fakes::FakeEngine::Moment moment, const std::string& call, const std::string&) {
        if (call == "unpause" && moment == fakes::FakeEngine::Moment::after)
            std::filesystem::remove_all(settings.journals()); // the state folder's disk has gone
    });
    const auto result = back_up();
    EXPECT_EQ(result.code, ExitCode::ok);
    EXPECT_TRUE(result.published && result.latest);
    EXPECT_NE(recorder.warnings.back().find("journal"), std::string::npos);
}

TEST_F(House, AFailedPauseCostsOnlyItsGroup) {
    add("one", "a");
    add("two", "b");
    engine.fail_next("pause", "a", Error(ExitCode::podman, "no cgroup"), 10);
    engine.change("a",
                  [](podman::Container& each) { each.auto_remove = true; }); // so that no stop may replace it
    const auto result = back_up();
    EXPECT_EQ(result.code, ExitCode::incomplete);
    ASSERT_EQ(result.manifest.failed.size(), 1U);
    EXPECT_EQ(result.manifest.failed[0].name, "one");
    EXPECT_NE(result.manifest.failed[0].reason.find("a"), std::string::npos);
    EXPECT_TRUE(result.published);
    EXPECT_FALSE(result.latest); // it does not hold every component
    EXPECT_EQ(engine.state("a"), podman::State::running);
    EXPECT_EQ(engine.state("b"), podman::State::running);
}

TEST_F(House, AReadingIsNotTrustedWhenAContainerWasRestartedMeanwhile) {
    add("one", "a");
    int restarts = 1;
    engine.on_call([&](fakes::FakeEngine::Moment moment, const std::string& call, const std::string&) {
        if (call == "containers" && moment == fakes::FakeEngine::Moment::before &&
            engine.state("a") == podman::State::paused && restarts-- > 0)
            engine.recreate("a");
    });
    const auto again = back_up();
    EXPECT_EQ(again.code, ExitCode::ok);
    EXPECT_EQ(std::count_if(recorder.warnings.begin(), recorder.warnings.end(),
                            [](const std::string& text) { return text.starts_with("group one:"); }),
              1);
    restarts = 2;
    const auto never = back_up();
    EXPECT_EQ(never.code, ExitCode::failed);
    EXPECT_FALSE(never.published);
    ASSERT_EQ(never.manifest.failed.size(), 1U);
    EXPECT_EQ(never.manifest.failed[0].last_good, again.manifest.id);
    EXPECT_EQ(debris(), 0U);
}

TEST_F(House, ANewWriterMakesTheReadingUntrusted) {
    add("one", "a");
    bool came = false;
    engine.on_call([&](fakes::FakeEngine::Moment moment, const std::string& call, const std::string&) {
        if (call == "pause" && moment == fakes::FakeEngine::Moment::after && !came) {
            came = true;
            engine.add_container({.name = "late",
                                  .mounts = {{.type = "volume",
                                              .name = "one",
                                              .source = root / "volumes/one/_data",
                                              .destination = "/data"}}});
        }
    });
    const auto result = back_up();
    EXPECT_EQ(result.code, ExitCode::ok);
    ASSERT_EQ(result.manifest.components.size(), 1U);
    EXPECT_EQ(result.manifest.components[0].freeze.containers.size(), 2U); // the second try froze both
    EXPECT_EQ(engine.state("late"), podman::State::running);
}

TEST_F(House, RequiredEncryptionWithoutAKeyFailsBeforeAnythingIsFrozen) {
    add("one", "a", {{"miraclemax.encryption", "required"}});
    const auto result = back_up();
    EXPECT_EQ(result.code, ExitCode::failed);
    EXPECT_TRUE(engine.calls().empty());
    EXPECT_TRUE(ids().empty());
}

TEST_F(House, ABrokenWorkerFailsBeforeAnythingIsFrozen) {
    add("one", "a");
    settings.program = "/bin/false";
    const auto result = back_up();
    EXPECT_EQ(result.code, ExitCode::failed);
    EXPECT_TRUE(engine.calls().empty());
    EXPECT_EQ(debris(), 0U);
}

TEST_F(House, AnInterruptionReleasesFirst) {
    add("one", "a");
    engine.on_call([&](fakes::FakeEngine::Moment moment, const std::string& call, const std::string&) {
        if (call == "pause" && moment == fakes::FakeEngine::Moment::after)
            stop.request_stop();
    });
    try {
        back_up();
        FAIL() << "not interrupted";
    } catch (const Error& error) {
        EXPECT_EQ(error.code(), ExitCode::interrupted);
    }
    EXPECT_EQ(engine.state("a"), podman::State::running);
    EXPECT_TRUE(ids().empty());
    EXPECT_EQ(debris(), 0U);
}

TEST_F(House, UndoesADeadRunFirst) {
    add("one", "a");
    const auto before = engine.look("a");
    const pid_t child = ::fork();
    if (child == 0) {
        quiesce::Journal journal(settings.journals(), "20200101-000000-77-1");
        journal.intend({.id = before.id,
                        .name = "a",
                        .act = quiesce::Act::pause,
                        .before = podman::State::running,
                        .started_at = before.started_at});
        ::_exit(0);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    ASSERT_EQ(status, 0);
    engine.pause(before.id);
    engine.forget_calls();
    EXPECT_EQ(back_up().code, ExitCode::ok);
    EXPECT_EQ(engine.calls(), (Calls{"unpause a", "pause a", "unpause a"}));
}

TEST_F(House, APodmanThatFailsBetweenGroupsCostsOnlyTheNext) {
    add("one", "a");
    add("two", "b");
    engine.on_call([&](fakes::FakeEngine::Moment moment, const std::string& call, const std::string& name) {
        if (call == "unpause" && name == "a" && moment == fakes::FakeEngine::Moment::after)
            engine.fail_next("volumes", "", Error(ExitCode::podman, "the service is gone"));
    });
    const auto result = back_up();
    EXPECT_EQ(result.code, ExitCode::incomplete);
    ASSERT_EQ(result.manifest.components.size(), 1U);
    EXPECT_EQ(result.manifest.components[0].name, "one");
    EXPECT_EQ(result.manifest.failed.at(0).name, "two");
}

TEST_F(House, AnOptionalComponentThatFailsDoesNotHoldLatestBack) {
    add("one", "a");
    add("extra", "", {{"miraclemax.backup", "optional"}, {"miraclemax.encryption", "required"}});
    const auto result = back_up({.full = true});
    EXPECT_EQ(result.code, ExitCode::incomplete);
    EXPECT_TRUE(result.latest);
    EXPECT_TRUE(result.manifest.failed.at(0).optional);
}

TEST_F(House, AMemberThatWasRefusedLeavesTheOthersInconsistent) {
    add("one", "a");
    add("two", "", {{"miraclemax.encryption", "required"}});
    engine.change("a", [&](podman::Container& each) {
        each.mounts.push_back(
            {.type = "volume", .name = "two", .source = root / "volumes/two/_data", .destination = "/two"});
    });
    const auto result = back_up();
    ASSERT_EQ(result.manifest.components.size(), 1U);
    EXPECT_FALSE(result.manifest.components[0].freeze.consistent);
}

TEST_F(House, AKeyFolderThatIsConfiguredAndMissingIsNoReasonToStoreInTheClear) {
    add("one", "a");
    settings.key_files = {root / "pub"};
    EXPECT_EQ(back_up().code, ExitCode::failed);
    std::filesystem::create_directories(root / "pub");
    EXPECT_EQ(back_up().code, ExitCode::failed);
    EXPECT_TRUE(engine.calls().empty());
}

TEST_F(House, APasswordInAVolumesOptionsStaysOutOfTheManifest) {
    const auto device = root / "device";
    std::filesystem::create_directories(device);
    engine.add_volume(
        {.name = "share",
         .mountpoint = root / "volumes/share/_data",
         .labels = {{"miraclemax.backup", "true"}},
         .options = {{"type", "none"}, {"o", "bind,password=geheim,uid=0"}, {"device", device}}});
    const auto result = back_up();
    ASSERT_EQ(result.manifest.components.size(), 1U);
    EXPECT_EQ(result.manifest.components[0].source.options.at("o"), "bind,password=HIDDEN,uid=0");
}

TEST_F(House, AVolumeThatOnlyPodmanCanMountIsNotReadThroughItsEmptyMountpoint) {
    const auto mountpoint = root / "volumes/nfs/_data";
    std::filesystem::create_directories(mountpoint);
    engine.add_volume({.name = "nfs",
                       .mountpoint = mountpoint,
                       .labels = {{"miraclemax.backup", "true"}},
                       .options = {{"type", "nfs"}, {"o", "addr=10.0.0.1"}, {"device", ":/export"}}});
    const auto result = back_up();
    EXPECT_EQ(result.code, ExitCode::failed);
    EXPECT_NE(result.manifest.failed.at(0).reason.find("only podman can mount it"), std::string::npos);
}

TEST_F(House, AWriterThatCameByALinkIsFrozenToo) {
    add("one", "");
    std::filesystem::create_directory_symlink(root / "volumes", root / "link");
    engine.add_container(
        {.name = "a",
         .mounts = {{.type = "bind", .source = root / "link/one/_data", .destination = "/data"}}});
    back_up();
    EXPECT_EQ(engine.calls(), (Calls{"pause a", "unpause a"}));
}

TEST_F(House, KnowsWhatIsAskedFor) {
    add("one", "a");
    add("two", "");
    const auto partial = back_up({.components = {"two"}});
    EXPECT_TRUE(partial.manifest.partial);
    EXPECT_FALSE(partial.latest);
    ASSERT_EQ(partial.manifest.components.size(), 1U);
    try {
        back_up({.components = {"tow"}});
        FAIL() << "no such component";
    } catch (const Error& error) {
        EXPECT_EQ(error.code(), ExitCode::not_found);
        EXPECT_NE(error.remedy().find("two"), std::string::npos);
    }
}

TEST_F(House, NothingLabelledIsSaid) {
    engine.add_volume({.name = "precious"});
    try {
        back_up();
        FAIL() << "nothing is labelled";
    } catch (const Error& error) {
        EXPECT_EQ(error.code(), ExitCode::nothing);
        EXPECT_NE(error.remedy().find("precious"), std::string::npos);
    }
}

} // namespace
} // namespace miraclemax::run
