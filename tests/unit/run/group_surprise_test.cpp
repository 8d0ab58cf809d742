// What comes between a group and its restore: a removal that was cut off, containers that somebody starts, a
// disk that is full.
#include "unit/run/pair.hpp"

#include <gmock/gmock.h>

#include <sys/mount.h>

namespace miraclemax::run {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

// What is being let go: half of it may be gone.
TEST_F(Pair, ADiscardThatWasCutOffHasNoWayBackAndIsFinished) {
    leave({{"db", Step::discarding, true}, {"files", Step::swapped, true}});
    EXPECT_THROW(undo_restore(context(), follower, {"db"}), Error);
    EXPECT_THAT(unsettled(settings), IsEmpty());
    std::filesystem::remove_all(folder("db") / ".miraclemax-dead-run/old"); // it had come so far
    EXPECT_TRUE(recover(settings, engine, {}).ok());
    both_hold("restored", "restored");
    EXPECT_FALSE(aside("db"));
    EXPECT_EQ(steps(), (std::map<std::string, Step>{{"files", Step::swapped}}));
}

TEST_F(Pair, WhatIsDiscardedIsSaidBeforeItGoes) {
    restored();
    std::filesystem::rename(folder("db"), root / "away");
    EXPECT_THROW(discard_all({"db"}), Error);
    EXPECT_EQ(steps()["db"], Step::discarding);
    EXPECT_THROW(undo_restore(context(), follower, {"db"}), Error);
    const auto recovery = recover(settings, engine, {});
    EXPECT_FALSE(recovery.ok());
    EXPECT_NO_THROW(undo_dead_runs(context())) << "no reason not to run";
    std::filesystem::rename(root / "away", folder("db"));
    EXPECT_TRUE(recover(settings, engine, {}).ok());
    EXPECT_FALSE(aside("db"));
    EXPECT_EQ(steps().count("db"), 0U);
}

TEST_F(Pair, WithoutWhatLayAsideThereIsNoUndoOfTheOtherEither) {
    restored();
    std::filesystem::remove_all(staging("db"));
    EXPECT_THROW(undo_restore(context(), follower, {"db", "files"}), Error);
    both_hold("content of db", "content of files");
    both_are(podman::State::running);
    EXPECT_EQ(steps()["files"], Step::swapped);
}

TEST_F(Pair, AKilledUndoOfWhatHasNothingAsideIsTakenBack) {
    leave({{"db", Step::swapped, true}, {"files", Step::swapped, true}});
    mark(Step::undoing, "dead-undo");
    archive::exchange(site("files"));
    archive::discard(site("db"));
    stopped_by("dead-undo");
    EXPECT_TRUE(recover(settings, engine, {}).ok());
    both_hold("restored", "restored");
}

// Started behind our back, after the last look and before it is ours to start.
TEST_F(Pair, WhoStartsWhileNamesAreMovedEndsTheRestoreAndTheUndo) {
    restored();
    for (const auto* each : {"db", "files"})
        write(each, "file", "third");
    int looks = 0; // after the stop, and after the moves
    engine.on_call([&](fakes::FakeEngine::Moment moment, const std::string& call, const std::string&) {
        if (moment != fakes::FakeEngine::Moment::before || call != "containers" ||
            engine.state("web") != podman::State::exited)
            return;
        if (++looks == 2)
            engine.change("web", [](podman::Container& one) { one.state = podman::State::running; });
    });
    EXPECT_THROW(undo_restore(context(), follower, {"db", "files"}), Error);
    for (const auto* each : {"db", "files"})
        EXPECT_EQ(read(each), "third");
    looks = 0;
    EXPECT_NE(restore_all({.components = {"db", "files"}}).code, ExitCode::ok);
    both_hold("third", "third");
}

class FullState : public Pair {
protected:
    void SetUp() override {
        std::filesystem::create_directories(settings.state);
        if (::mount("none", settings.state.c_str(), "tmpfs", 0, "size=4m,mode=700") != 0)
            GTEST_SKIP() << "can't mount";
    }
    ~FullState() override { ::umount2(settings.state.c_str(), MNT_DETACH); }
    void fill() const {
        std::ofstream file(settings.state / "ballast");
        const std::string block(4096, 'x');
        while (file.write(block.data(), static_cast<std::streamsize>(block.size())).flush()) {
        }
    }
};

TEST_F(FullState, ADiskThatFillsUpAfterTheStopLeavesNobodyStopped) {
    back_up();
    for (const auto* each : {"db", "files"})
        write(each, "file", "newer");
    engine.on_call([&](fakes::FakeEngine::Moment moment, const std::string& call, const std::string&) {
        if (moment == fakes::FakeEngine::Moment::after && call == "stop")
            fill();
    });
    EXPECT_EQ(restore_all({.components = {"db", "files"}}).code, ExitCode::ok);
    both_hold("content of db", "content of files");
    both_are(podman::State::running);
}

TEST_F(Pair, AStepThatCouldNotBeKeptWasNotTaken) {
    leave({{"db", Step::staging, false}});
    RestoreRecords records(settings);
    auto record = records.all().front();
    std::filesystem::remove(settings.restores() / "dead-run.json");
    std::filesystem::create_directory(settings.restores() / "dead-run.json");
    EXPECT_THROW(advance(records, record, "db", Step::swapping), Error);
    EXPECT_EQ(record.components.front().step, Step::staging);
}

TEST_F(Pair, ARecordsFolderThatCanNotBeReadIsNotAnEmptyOne) {
    EXPECT_TRUE(RestoreRecords(settings).all().empty());
    std::filesystem::create_directories(settings.state);
    std::ofstream(settings.restores()) << "a file";
    EXPECT_THROW(static_cast<void>(RestoreRecords(settings).all()), Error);
}

TEST_F(Pair, AnUnhealthyGroupGoesBackThoughOneVolumeWasMadeForIt) {
    back_up();
    write("db", "file", "newer");
    without_files();
    std::filesystem::remove(folder("files") / "file");
    engine.on_call([&](fakes::FakeEngine::Moment moment, const std::string& call, const std::string&) {
        if (moment == fakes::FakeEngine::Moment::after && call == "start")
            engine.change("server", [](podman::Container& container) { container.health = "unhealthy"; });
    });
    const auto result = restore_all({.components = {"db", "files"}, .rollback_on_unhealthy = true});
    EXPECT_TRUE(result.rolled_back);
    EXPECT_FALSE(aside("files")) << "it has nothing old";
    EXPECT_EQ(read("db"), "newer");
    EXPECT_TRUE(std::any_of(recorder.warnings.begin(), recorder.warnings.end(), [](const auto& text) {
        return text.find("files keeps the restored data") != std::string::npos;
    }));
}

class MadeInVain : public Pair {
protected:
    // A restore that makes the volume and fails; `meanwhile` comes after it is unpacked.
    void fail_after(const std::function<void()>& meanwhile) {
        back_up();
        without_files();
        std::filesystem::remove(folder("files") / "file");
        follower.on_unpacked = [&](const RestoreItem& item) {
            if (item.record.name == "files")
                meanwhile();
            if (item.record.name == "db")
                block("db");
        };
        EXPECT_NE(restore_all({.components = {"db", "files"}}).code, ExitCode::ok);
        EXPECT_THAT(RestoreRecords(settings).all(), IsEmpty());
    }
    [[nodiscard]] bool named() const {
        return std::any_of(recorder.warnings.begin(), recorder.warnings.end(), [](const auto& text) {
            return text.find("podman volume rm files") != std::string::npos;
        });
    }
    void expect_named() {
        EXPECT_TRUE(engine.volume("files").has_value());
        EXPECT_TRUE(named());
    }
};

TEST_F(MadeInVain, AVolumeThatHoldsNothingGoesAgain) {
    fail_after([] {});
    EXPECT_FALSE(engine.volume("files").has_value());
    EXPECT_FALSE(named());
    EXPECT_EQ(read("db"), "content of db");
}

TEST_F(MadeInVain, OneThatHoldsSomethingIsNamed) {
    fail_after([&] { write("files", "other", "of somebody"); });
    expect_named();
    EXPECT_EQ(read("files", "other"), "of somebody");
}

TEST_F(MadeInVain, AnotherOfItsNameIsNamed) {
    fail_after([&] {
        engine.remove_volume("files");
        engine.add_volume({.name = "files", .mountpoint = folder("files")});
    });
    expect_named();
    EXPECT_THAT(engine.calls(), testing::Not(testing::Contains("delete_volume files")));
}

TEST_F(MadeInVain, OneThatAContainerHasIsNamed) {
    fail_after([&] {
        engine.add_container(
            {.name = "late",
             .state = podman::State::created,
             .mounts = {
                 {.type = "volume", .name = "files", .source = folder("files"), .destination = "/data"}}});
    });
    expect_named();
}

} // namespace
} // namespace miraclemax::run
