// Half-moved data that somebody runs on: podman-restart starts everything beside us, after a power cut too.
#include "unit/run/pair.hpp"
#include "unit/store/scratch.hpp"

#include <gmock/gmock.h>

namespace miraclemax::run {
namespace {

using fakes::FakeEngine;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class HalfMoved : public Pair {
protected:
    [[nodiscard]] std::size_t stops() const {
        const auto calls = engine.calls();
        return static_cast<std::size_t>(std::count(calls.begin(), calls.end(), "stop web"));
    }
    void expect_no_journal() const {
        EXPECT_TRUE(!std::filesystem::exists(settings.journals()) ||
                    std::filesystem::is_empty(settings.journals()));
    }
    // Killed when it has stopped them, and before it has moved anything.
    void recovery_that_is_killed() {
        const int status = test::in_child([&] {
            engine.on_call([&](FakeEngine::Moment, const std::string& call, const std::string&) {
                if (call == "containers" && engine.state("server") == podman::State::exited &&
                    engine.state("web") == podman::State::exited)
                    ::_exit(0);
            });
            static_cast<void>(recover(settings, engine, {}));
            return 1;
        });
        ASSERT_EQ(status, 0) << "it never stopped them";
        for (const auto* name : {"server", "web"})
            engine.stop(name, std::chrono::seconds(1));
    }
};

TEST_F(HalfMoved, WhoRunsOnItIsStoppedForItAndStartedAgain) {
    leave({{"db", Step::swapped, true}, {"files", Step::swapping, false}});
    std::set<std::string> at_start;
    engine.on_call([&](FakeEngine::Moment moment, const std::string& call, const std::string&) {
        if (moment == FakeEngine::Moment::before && call == "start")
            at_start.insert(read("db"));
    });
    const auto recovery = recover(settings, engine, {});
    EXPECT_TRUE(recovery.ok());
    ASSERT_FALSE(recovery.data.empty());
    EXPECT_THAT(recovery.data.front().what, HasSubstr("stopped meanwhile: server web"));
    EXPECT_EQ(stops(), 1U);
    EXPECT_THAT(at_start, ElementsAre("content of db"));
    both_hold("content of db", "content of files");
    both_are(podman::State::running);
    expect_no_trace();
    expect_no_journal();
}

TEST_F(HalfMoved, WhoseDataWasNotComeToGoesOn) {
    leave({{"db", Step::swapped, true}, {"files", Step::staging, false}});
    EXPECT_TRUE(recover(settings, engine, {}).ok());
    EXPECT_EQ(stops(), 0U);
    EXPECT_THAT(engine.calls(), Contains("stop server"));
    both_hold("content of db", "content of files");
    both_are(podman::State::running);
    expect_no_trace();
}

TEST_F(HalfMoved, SoIsWhoRunsOnAHalfUndoneOne) {
    leave({{"db", Step::swapped, true}, {"files", Step::swapped, true}});
    mark(Step::undoing, "dead-undo");
    archive::exchange(site("db"));
    EXPECT_TRUE(recover(settings, engine, {}).ok());
    EXPECT_EQ(stops(), 1U);
    both_hold("content of db", "content of files");
    both_are(podman::State::running);
    for (const auto& record : RestoreRecords(settings).all())
        for (const auto& each : record.components)
            EXPECT_THAT(each.halted_by, IsEmpty()) << "it is settled";
}

TEST_F(HalfMoved, WhoDidNotComeBackByItselfIsStartedByTheDeadRunsJournal) {
    leave({{"db", Step::swapped, true}, {"files", Step::swapping, false}});
    stopped_by("dead-run");
    engine.start("web"); // at boot
    engine.forget_calls();
    EXPECT_TRUE(recover(settings, engine, {}).ok());
    EXPECT_EQ(stops(), 1U);
    both_hold("content of db", "content of files");
    both_are(podman::State::running);
    expect_no_journal();
}

TEST_F(HalfMoved, TheStopIsJournaledAndWaitsForTheData) {
    leave({{"db", Step::swapped, true}, {"files", Step::swapping, false}});
    std::string run;
    std::set<std::string> waiting;
    engine.on_call([&](FakeEngine::Moment moment, const std::string& call, const std::string& name) {
        if (moment != FakeEngine::Moment::before || call != "stop" || name != "web")
            return;
        run = quiesce::held_by_living(settings.journals())[engine.look("web").id];
        waiting = unsettled(settings);
    });
    EXPECT_TRUE(recover(settings, engine, {}).ok());
    EXPECT_NE(run, "");
    EXPECT_THAT(waiting, Contains(run));
    EXPECT_THAT(waiting, Contains("dead-run"));
    EXPECT_THAT(unsettled(settings), IsEmpty());
}

TEST_F(HalfMoved, WhatAKilledRecoveryStoppedWaitsForTheDataToo) {
    leave({{"db", Step::swapped, true}, {"files", Step::swapping, false}});
    recovery_that_is_killed();
    quiesce::recover(engine, settings.journals(), {}, waiting(settings, engine, {}));
    both_are(podman::State::exited);
    both_hold("restored", "content of files");
    EXPECT_TRUE(recover(settings, engine, {}).ok());
    both_hold("content of db", "content of files");
    both_are(podman::State::running);
    expect_no_trace();
    expect_no_journal();
}

// Power goes again and again: what each of them stopped waits.
TEST_F(HalfMoved, SoDoesWhatSeveralKilledRecoveriesStopped) {
    leave({{"db", Step::swapped, true}, {"files", Step::swapping, false}});
    for (int times = 0; times < 2; ++times) {
        recovery_that_is_killed();
        EXPECT_EQ(unsettled(settings).size(), 2U + static_cast<std::size_t>(times));
        for (const auto* name : {"server", "web"})
            engine.start(name);
    }
    EXPECT_TRUE(recover(settings, engine, {}).ok());
    both_hold("content of db", "content of files");
    both_are(podman::State::running);
    expect_no_journal();
}

TEST_F(HalfMoved, NothingIsMovedUnderWhoCanNotBeStopped) {
    leave({{"db", Step::swapped, true}, {"files", Step::swapping, false}});
    engine.change("web", [](podman::Container& one) { one.auto_remove = true; });
    const auto recovery = recover(settings, engine, {});
    EXPECT_FALSE(recovery.ok());
    ASSERT_FALSE(recovery.data.empty());
    EXPECT_THAT(recovery.data.front().what, HasSubstr("`podman stop server"));
    EXPECT_THAT(engine.calls(), Not(Contains(HasSubstr("stop "))));
    both_hold("restored", "content of files");
    both_are(podman::State::running);
    engine.change("web", [](podman::Container& one) { one.auto_remove = false; });
    for (const auto* name : {"server", "web"})
        engine.stop(name, std::chrono::seconds(1));
    EXPECT_TRUE(recover(settings, engine, {}).ok());
    both_hold("content of db", "content of files");
    both_are(podman::State::exited);
}

TEST_F(HalfMoved, NorUnderWhoIsPaused) {
    leave({{"db", Step::swapped, true}, {"files", Step::swapping, false}});
    for (const auto* name : {"server", "web"})
        engine.pause(name);
    EXPECT_FALSE(recover(settings, engine, {}).ok());
    both_hold("restored", "content of files");
    both_are(podman::State::paused);
}

TEST_F(HalfMoved, AStopThatFailsLeavesTheOthersRunning) {
    leave({{"db", Step::swapped, true}, {"files", Step::swapping, false}});
    engine.fail_next("stop", "web", Error(ExitCode::podman, "no"), 100);
    const auto recovery = recover(settings, engine, {});
    EXPECT_FALSE(recovery.ok());
    ASSERT_FALSE(recovery.data.empty());
    EXPECT_THAT(recovery.data.front().what, HasSubstr("`podman stop server web`"));
    both_hold("restored", "content of files");
    both_are(podman::State::running);
    expect_no_journal();
}

TEST_F(HalfMoved, StopsThatFailedAreNoReasonNotToTryAgain) {
    leave({{"db", Step::swapped, true}, {"files", Step::swapping, false}});
    bool refuse = true;
    engine.on_call([&](FakeEngine::Moment moment, const std::string& call, const std::string& name) {
        if (refuse && moment == FakeEngine::Moment::before && call == "stop" && name == "web")
            throw Error(ExitCode::podman, "no");
    });
    for (int times = 0; times < 4; ++times)
        EXPECT_FALSE(recover(settings, engine, {}).ok());
    both_are(podman::State::running);
    refuse = false;
    EXPECT_TRUE(recover(settings, engine, {}).ok());
    both_hold("content of db", "content of files");
    both_are(podman::State::running);
    expect_no_journal();
}

TEST_F(HalfMoved, WhoRunsOnWhatWasEmptiedIsStoppedUntilItIsRestored) {
    leave({{"db", Step::emptied, true}, {"files", Step::emptied, true}});
    EXPECT_FALSE(recover(settings, engine, {}).ok());
    both_are(podman::State::exited);
    EXPECT_FALSE(recover(settings, engine, {}).ok());
    both_are(podman::State::exited);
    RestoreRecords records(settings);
    for (auto record : records.all())
        for (const auto* name : {"db", "files"})
            forget(records, record, name); // as the restore does that brings them back
    EXPECT_TRUE(recover(settings, engine, {}).ok());
    both_are(podman::State::running);
    expect_no_journal();
}

// The daemon looks every two seconds.
TEST_F(HalfMoved, WhoIsBroughtBackAtOnceIsNotStoppedForEver) {
    leave({{"db", Step::swapped, true}, {"files", Step::swapping, false}});
    engine.on_call([&](FakeEngine::Moment moment, const std::string& call, const std::string&) {
        if (moment == FakeEngine::Moment::before && call == "containers" &&
            engine.state("web") == podman::State::exited)
            engine.change("web", [](podman::Container& one) { one.state = podman::State::running; });
    });
    for (int times = 0; times < 5; ++times) {
        const auto recovery = recover(settings, engine, {});
        EXPECT_FALSE(recovery.ok());
        ASSERT_FALSE(recovery.data.empty());
        EXPECT_THAT(recovery.data.front().what, HasSubstr("`podman stop server web`"));
    }
    EXPECT_EQ(stops(), 3U);
    both_hold("restored", "content of files");
    both_are(podman::State::running);
}

TEST_F(HalfMoved, WhileItCanNotBeSettledNobodyIsStartedOnIt) {
    leave({{"db", Step::swapped, true}, {"files", Step::swapping, true}});
    std::filesystem::rename(folder("files"), root / "away");
    const auto recovery = recover(settings, engine, {});
    EXPECT_FALSE(recovery.ok());
    both_are(podman::State::exited);
    EXPECT_EQ(unsettled(settings).size(), 2U);
    std::filesystem::rename(root / "away", folder("files"));
    EXPECT_TRUE(recover(settings, engine, {}).ok());
    both_hold("restored", "restored");
    both_are(podman::State::running);
    expect_no_journal();
}

TEST_F(HalfMoved, WhoHasToLeaveStopsNobody) {
    leave({{"db", Step::swapped, true}, {"files", Step::swapping, false}});
    stop.request_stop();
    EXPECT_FALSE(recover(settings, engine, {}, stop.get_token(), std::chrono::seconds(1)).ok());
    EXPECT_EQ(stops(), 0U);
    both_hold("restored", "content of files");
    EXPECT_TRUE(recover(settings, engine, {}).ok());
    both_hold("content of db", "content of files");
}

} // namespace
} // namespace miraclemax::run
