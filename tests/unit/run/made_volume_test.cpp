// A volume that a restore makes, when the restore is killed.
#include "unit/run/pair.hpp"
#include "unit/store/scratch.hpp"

#include <gmock/gmock.h>

#include <csignal>

namespace miraclemax::run {
namespace {

using fakes::FakeEngine;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class MadeVolume : public Pair {
protected:
    // A restore of `files`, whose volume podman hasn't, by a process that dies where `set` makes it die. What
    // podman has by then it has here too.
    void killed(const std::function<void()>& set) {
        back_up();
        without_files();
        std::filesystem::remove(folder("files") / "file");
        const int status = test::in_child([&] {
            set();
            restore_all({.components = {"files"}});
            return 1;
        });
        ASSERT_TRUE(WIFSIGNALED(status)) << "it went through";
        if (!std::filesystem::exists(root / "made"))
            return;
        podman::Volume volume{.name = "files", .mountpoint = folder("files")};
        std::ifstream made(root / "made");
        std::getline(made, volume.created_at);
        for (std::string key, value; std::getline(made, key) && std::getline(made, value);)
            volume.labels[key] = value;
        engine.add_volume(volume);
    }
    void die() {
        if (const auto volume = engine.volume("files")) {
            std::ofstream made(root / "made");
            made << volume->created_at << '\n';
            for (const auto& [key, value] : volume->labels)
                made << key << '\n' << value << '\n';
        }
        ::raise(SIGKILL);
    }
    void killed_at(FakeEngine::Moment when) {
        killed([&, when] {
            engine.on_call([&, when](FakeEngine::Moment moment, const std::string& call, const std::string&) {
                if (moment == when && call == "create_volume") {
                    engine.on_call({});
                    die();
                }
            });
        });
    }
    void killed_when_unpacked() {
        killed([&] { follower.on_unpacked = [&](const RestoreItem&) { die(); }; });
    }
    [[nodiscard]] bool there() { return engine.volume("files").has_value(); }
    void expect_removed() {
        const auto recovery = recover(settings, engine, {});
        EXPECT_TRUE(recovery.ok());
        ASSERT_EQ(recovery.data.size(), 1U);
        EXPECT_THAT(recovery.data.front().what, HasSubstr("files is removed"));
        EXPECT_FALSE(there());
        EXPECT_THAT(RestoreRecords(settings).all(), IsEmpty());
    }
    void expect_kept(const std::string& why) {
        const auto recovery = recover(settings, engine, {});
        EXPECT_TRUE(recovery.ok());
        ASSERT_FALSE(recovery.data.empty());
        EXPECT_THAT(recovery.data.back().what, HasSubstr(why));
        EXPECT_TRUE(there());
        EXPECT_THAT(RestoreRecords(settings).all(), IsEmpty());
    }
    // A killed restore of both, into a volume `files` that it made.
    void leave_both(Step db, Step files) {
        std::filesystem::remove(folder("files") / "file"); // there is nothing to move aside
        leave({{"db", db, false}, {"files", files, true}});
        auto volume = *engine.volume("files");
        volume.labels["miraclemax.run"] = "dead-run";
        engine.add_volume(volume);
        engine.vanish("web");
        RestoreRecords records(settings);
        auto record = records.all().front();
        find(record, "files").made = true;
        records.keep(record);
    }
};

TEST_F(MadeVolume, IsIntendedOnDiskBeforeItIsMade) {
    killed_at(FakeEngine::Moment::before);
    ASSERT_EQ(steps(), (std::map<std::string, Step>{{"files", Step::making}}));
    EXPECT_FALSE(there());
    EXPECT_TRUE(recover(settings, engine, {}).ok());
    EXPECT_THAT(RestoreRecords(settings).all(), IsEmpty());
}

TEST_F(MadeVolume, GoesAgainThoughTheKillCameRightAfter) {
    killed_at(FakeEngine::Moment::after);
    ASSERT_TRUE(there());
    expect_removed();
}

TEST_F(MadeVolume, GoesAgainWithWhatWasUnpackedInIt) {
    killed_when_unpacked();
    ASSERT_TRUE(there());
    expect_removed();
    EXPECT_FALSE(aside("files"));
}

TEST_F(MadeVolume, GoesAgainWhenItsGroupGoesBack) {
    leave_both(Step::swapping, Step::swapped);
    EXPECT_TRUE(recover(settings, engine, {}).ok());
    EXPECT_FALSE(there());
    EXPECT_EQ(read("db"), "content of db");
    EXPECT_THAT(RestoreRecords(settings).all(), IsEmpty());
}

TEST_F(MadeVolume, StaysOnceTheSwapIsDone) {
    leave_both(Step::swapped, Step::swapping);
    archive::swap(site("db"));
    EXPECT_TRUE(recover(settings, engine, {}).ok());
    EXPECT_TRUE(there());
    both_hold("restored", "restored");
}

TEST_F(MadeVolume, WhatCameIntoItWhileItWasUnpackedStaysAside) {
    back_up();
    without_files();
    std::filesystem::remove(folder("files") / "file");
    follower.on_unpacked = [&](const RestoreItem&) { write("files", "other", "of an application"); };
    ASSERT_EQ(restore_all({.components = {"files"}}).code, ExitCode::ok);
    EXPECT_THAT(names("files"), ElementsAre("file"));
    EXPECT_EQ(steps(), (std::map<std::string, Step>{{"files", Step::swapped}}));
    undo_restore(context(), follower, {});
    EXPECT_THAT(names("files"), ElementsAre("other"));
    EXPECT_EQ(read("files", "other"), "of an application");
}

// An earlier version gave it no label.
TEST_F(MadeVolume, ThatBearsNoMarkIsKnownByTheTimeOfItsMaking) {
    leave_both(Step::swapping, Step::swapped);
    auto volume = *engine.volume("files");
    ASSERT_FALSE(volume.created_at.empty());
    volume.labels.clear();
    engine.add_volume(volume);
    EXPECT_TRUE(recover(settings, engine, {}).ok());
    EXPECT_FALSE(there());
}

TEST_F(MadeVolume, OfSomebodyElseStays) {
    killed_at(FakeEngine::Moment::before);
    engine.add_volume({.name = "files", .mountpoint = folder("files")});
    expect_kept("is not the one");
}

TEST_F(MadeVolume, OfAnotherRunStays) {
    killed_at(FakeEngine::Moment::after);
    auto volume = *engine.volume("files");
    volume.labels["miraclemax.run"] = "20260101-000000-2-000001";
    engine.add_volume(volume);
    expect_kept("is not the one");
}

TEST_F(MadeVolume, ThatHoldsSomethingStays) {
    killed_when_unpacked();
    write("files", "other", "of somebody");
    expect_kept("holds something");
    EXPECT_EQ(read("files", "other"), "of somebody");
    EXPECT_FALSE(aside("files"));
}

// podman itself refuses only for those that have the volume as such.
TEST_F(MadeVolume, WhoseFolderAContainerHasStays) {
    killed_at(FakeEngine::Moment::after);
    engine.add_container({.name = "late",
                          .state = podman::State::created,
                          .mounts = {{.type = "bind", .source = folder("files"), .destination = "/data"}}});
    expect_kept("container late has it");
}

TEST_F(MadeVolume, ThatPodmanDoesNotRemoveYetIsTriedAgain) {
    killed_at(FakeEngine::Moment::after);
    engine.fail_next("delete_volume", "files", Error(ExitCode::podman, "no"));
    EXPECT_FALSE(recover(settings, engine, {}).ok());
    EXPECT_TRUE(there());
    EXPECT_NO_THROW(undo_dead_runs(context())) << "no reason not to run";
    EXPECT_FALSE(there());
}

TEST_F(MadeVolume, IsMadeAnewByTheRestoreThatFollows) {
    killed_at(FakeEngine::Moment::after);
    const RestoreRequest request{.components = {"files"}};
    auto planned = plan(request); // the dead run's volume is there yet
    undo_dead_runs(context());
    ASSERT_FALSE(there());
    EXPECT_EQ(restore(context(), follower, std::move(planned), {}, request).code, ExitCode::ok);
    EXPECT_TRUE(there());
    EXPECT_EQ(read("files"), "content of files");
    EXPECT_THAT(RestoreRecords(settings).all(), IsEmpty());
}

TEST_F(MadeVolume, ItsMarkIsNoPartOfABackup) {
    back_up();
    without_files();
    std::filesystem::remove(folder("files") / "file");
    ASSERT_EQ(restore_all({.components = {"files"}}).code, ExitCode::ok);
    EXPECT_EQ(engine.volume("files")->labels.count("miraclemax.run"), 1U);
    const auto backup = back_up();
    for (const auto& each : backup.manifest.components)
        EXPECT_EQ(each.source.labels.count("miraclemax.run"), 0U) << each.name;
}

} // namespace
} // namespace miraclemax::run
