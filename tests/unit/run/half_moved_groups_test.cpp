// A container that uses the data of two groups, both half moved.
#include "unit/run/pair.hpp"
#include "unit/store/scratch.hpp"

#include <gmock/gmock.h>

namespace miraclemax::run {
namespace {

using fakes::FakeEngine;
using testing::IsEmpty;

class HalfMovedGroups : public Pair {
protected:
    HalfMovedGroups() { add_user_of_both(); }
    // Of two restores, each of which was cut off; or of one.
    void leave_two(bool two_restores) {
        leave({{"db", Step::swapping, true, "db"}, {"files", Step::swapping, true, "files"}});
        if (!two_restores)
            return;
        RestoreRecords records(settings);
        auto first = records.all().front();
        auto second = first;
        second.run = "dead-run-2";
        second.began = 1;
        std::filesystem::rename(staging("files"), folder("files") / ".miraclemax-dead-run-2");
        first.components.pop_back();
        second.components.erase(second.components.begin());
        records.keep(first);
        records.keep(second);
    }
    // What the data was when it was started.
    void watch() {
        engine.on_call([&](FakeEngine::Moment moment, const std::string& call, const std::string& name) {
            if (moment == FakeEngine::Moment::before && call == "start" && name == "both")
                at_start.push_back(unsettled(settings).size());
        });
    }
    void stopped_by_both_runs() {
        stopped("dead-run");
        stopped("dead-run-2");
        engine.stop("both", std::chrono::seconds(1));
    }
    void stopped(const std::string& run) {
        const int status = test::in_child([&] {
            quiesce::Journal journal(settings.journals(), run);
            const auto found = engine.look("both");
            journal.intend(
                {.id = found.id, .name = "both", .act = quiesce::Act::stop, .started_at = found.started_at});
            ::_exit(0);
            return 0;
        });
        ASSERT_EQ(status, 0);
    }
    void expect_whole() {
        both_hold("restored", "restored");
        EXPECT_EQ(engine.state("both"), podman::State::running);
        EXPECT_THAT(at_start, testing::Each(0U)) << "started on half-moved data";
        EXPECT_FALSE(at_start.empty());
        EXPECT_TRUE(std::filesystem::is_empty(settings.journals()));
        for (const auto& record : RestoreRecords(settings).all())
            for (const auto& each : record.components)
                EXPECT_THAT(each.halted_by, IsEmpty());
    }
    // Once the first group is settled.
    void recovery_that_is_killed() {
        const int status = test::in_child([&] {
            engine.on_call([&](FakeEngine::Moment, const std::string&, const std::string&) {
                if (steps()["db"] == Step::swapped && steps()["files"] == Step::swapping)
                    ::_exit(0);
            });
            static_cast<void>(recover(settings, engine, {}));
            return 1;
        });
        ASSERT_EQ(status, 0) << "it never came between the two";
        EXPECT_EQ(steps()["files"], Step::swapping);
    }

    std::vector<std::size_t> at_start;
};

TEST_F(HalfMovedGroups, WhoUsesTwoIsStartedWhenBothAreWhole) {
    leave_two(false);
    watch();
    EXPECT_TRUE(recover(settings, engine, {}).ok());
    expect_whole();
}

TEST_F(HalfMovedGroups, OfTwoRestoresToo) {
    leave_two(true);
    watch();
    EXPECT_TRUE(recover(settings, engine, {}).ok());
    expect_whole();
}

TEST_F(HalfMovedGroups, WhomADeadRunStoppedIsStartedWhenBothAreWhole) {
    leave_two(true);
    stopped_by_both_runs();
    watch();
    EXPECT_TRUE(recover(settings, engine, {}).ok());
    expect_whole();
}

TEST_F(HalfMovedGroups, WhileOneCanNotBeSettledHeIsNotStarted) {
    leave_two(true);
    stopped_by_both_runs();
    watch();
    std::filesystem::rename(folder("files"), root / "away");
    EXPECT_FALSE(recover(settings, engine, {}).ok());
    EXPECT_FALSE(recover(settings, engine, {}).ok());
    EXPECT_EQ(steps()["db"], Step::swapped);
    EXPECT_EQ(engine.state("both"), podman::State::exited);
    std::filesystem::rename(root / "away", folder("files"));
    EXPECT_TRUE(recover(settings, engine, {}).ok());
    expect_whole();
}

TEST_F(HalfMovedGroups, NorWhereTheRecoveryIsKilledBetweenTheTwo) {
    for (const bool two_restores : {false, true}) {
        leave_two(two_restores);
        recovery_that_is_killed();
        engine.stop("both", std::chrono::seconds(1)); // as the killed one had
        at_start.clear();
        watch();
        quiesce::recover(engine, settings.journals(), {}, waiting(settings, engine, {}));
        EXPECT_EQ(engine.state("both"), podman::State::exited) << two_restores;
        EXPECT_TRUE(recover(settings, engine, {}).ok());
        expect_whole();
        discard_all();
    }
}

} // namespace
} // namespace miraclemax::run
