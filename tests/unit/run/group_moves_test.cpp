// A group is of one moment, whatever fails or is killed between its members.
#include "unit/run/pair.hpp"

#include <gmock/gmock.h>

namespace miraclemax::run {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

TEST_F(Pair, KilledBetweenTwoSwapsBothGetTheOldDataBack) {
    leave({{"db", Step::swapped, true}, {"files", Step::staging, false}});
    stopped_by("dead-run");
    EXPECT_EQ(unsettled(settings), std::set<std::string>{"dead-run"});
    quiesce::recover(engine, settings.journals(), {}, waiting(settings, engine, {}));
    both_are(podman::State::exited); // not yet
    const auto recovery = recover(settings, engine, {});
    EXPECT_TRUE(recovery.ok());
    EXPECT_EQ(recovery.data.size(), 2U);
    both_hold("content of db", "content of files");
    both_are(podman::State::running);
    expect_no_trace();
}

TEST_F(Pair, KilledInTheSecondSwapBothAreOfTheSameMoment) {
    leave({{"db", Step::swapped, true}, {"files", Step::swapping, false}});
    stopped_by("dead-run");
    EXPECT_TRUE(recover(settings, engine, {}).ok());
    both_hold("content of db", "content of files");
    expect_no_trace();
}

TEST_F(Pair, KilledWhenTheLastSwapWasDoneBothKeepTheNewData) {
    leave({{"db", Step::swapped, true}, {"files", Step::swapping, true}});
    stopped_by("dead-run");
    const auto recovery = recover(settings, engine, {});
    EXPECT_TRUE(recovery.ok());
    EXPECT_EQ(recovery.data.size(), 1U);
    both_hold("restored", "restored");
    EXPECT_EQ(steps(), (std::map<std::string, Step>{{"db", Step::swapped}, {"files", Step::swapped}}));
}

TEST_F(Pair, WhileOneCanNotBeSettledNothingIsDecided) {
    leave({{"db", Step::swapped, true}, {"files", Step::swapping, true}, {"data", Step::staging, false}});
    stopped_by("dead-run");
    std::filesystem::rename(folder("files"), root / "away");
    EXPECT_FALSE(recover(settings, engine, {}).ok());
    EXPECT_EQ(read("db"), "restored");
    EXPECT_TRUE(aside("data"));
    both_are(podman::State::exited);
    std::filesystem::rename(root / "away", folder("files"));
    EXPECT_TRUE(recover(settings, engine, {}).ok());
    both_hold("content of db", "content of files");
    EXPECT_EQ(read("data"), "content of data");
    both_are(podman::State::running);
    expect_no_trace();
}

TEST_F(Pair, AGoingBackThatWasCutOffIsFinished) {
    leave({{"db", Step::returning, true}, {"files", Step::returning, true}, {"data", Step::staging, false}});
    stopped_by("dead-run");
    archive::exchange(site("db"));
    EXPECT_EQ(unsettled(settings), std::set<std::string>{"dead-run"});
    EXPECT_TRUE(recover(settings, engine, {}).ok());
    both_hold("content of db", "content of files");
    EXPECT_FALSE(aside("data"));
    expect_no_trace();
}

TEST_F(Pair, TheLastOneOfAGoingBackGoesBackToo) {
    leave({{"files", Step::returning, true}}); // db is forgotten already
    stopped_by("dead-run");
    EXPECT_TRUE(recover(settings, engine, {}).ok());
    EXPECT_EQ(read("files"), "content of files");
    expect_no_trace();
}

TEST_F(Pair, AGroupThatWasFinishedIsNotTouched) {
    leave({{"db", Step::swapped, true},
           {"files", Step::swapped, true},
           {"data", Step::staging, false, "data"}}); // the next group of the same restore
    EXPECT_THAT(unsettled(settings), IsEmpty());
    EXPECT_TRUE(recover(settings, engine, {}).ok());
    both_hold("restored", "restored");
    EXPECT_FALSE(aside("data"));
    EXPECT_EQ(steps(), (std::map<std::string, Step>{{"db", Step::swapped}, {"files", Step::swapped}}));
}

TEST_F(Pair, WhatIsGoneIsNoMemberAnyMore) {
    leave({{"db", Step::swapped, true}, {"files", Step::staging, false}});
    stopped_by("dead-run");
    engine.vanish("web");
    engine.remove_volume("files");
    EXPECT_TRUE(recover(settings, engine, {}).ok());
    EXPECT_EQ(read("db"), "restored");
    EXPECT_EQ(steps(), (std::map<std::string, Step>{{"db", Step::swapped}}));
}

TEST_F(Pair, OlderRecordsKnowNoGroups) {
    leave({{"db", Step::swapped, true, ""}, {"files", Step::staging, false, ""}});
    stopped_by("dead-run");
    const auto path = settings.restores() / "dead-run.json";
    std::ifstream file(path);
    std::string text{std::istreambuf_iterator<char>(file), {}};
    for (std::size_t at = 0; (at = text.find("\"group\": \"\",", at)) != std::string::npos;)
        text.erase(at, std::string("\"group\": \"\",").size());
    ASSERT_THAT(text, testing::Not(HasSubstr("group")));
    std::ofstream(path) << text;
    EXPECT_THAT(unsettled(settings), IsEmpty());
    EXPECT_TRUE(recover(settings, engine, {}).ok());
    both_hold("restored", "content of files");
    EXPECT_EQ(steps(), (std::map<std::string, Step>{{"db", Step::swapped}}));
}

TEST_F(Pair, ASecondSwapThatFailsLeavesBothAsTheyWere) {
    back_up();
    write("db", "file", "newer");
    write("files", "file", "newer");
    follower.on_unpacked = [&](const RestoreItem& item) {
        if (item.record.name == "files")
            block("files");
    };
    EXPECT_NE(restore_all({.components = {"db", "files"}}).code, ExitCode::ok);
    both_hold("newer", "newer");
    both_are(podman::State::running);
    expect_no_trace();
}

TEST_F(Pair, TheRecordSaysWhoIsSwappedTogether) {
    restored();
    std::map<std::string, std::string> groups;
    for (const auto& record : RestoreRecords(settings).all())
        for (const auto& each : record.components)
            groups[each.component] = each.group;
    EXPECT_EQ(groups, (std::map<std::string, std::string>{{"data", "data"}, {"db", "db"}, {"files", "db"}}));
}

TEST_F(Pair, WhatWasSwappedTogetherIsUndoneInOneWindow) {
    restored();
    engine.forget_calls();
    undo_restore(context(), follower, {"db", "files"});
    both_hold("newer", "newer");
    const auto calls = engine.calls();
    ASSERT_EQ(calls.size(), 4U);
    EXPECT_THAT(calls[1], HasSubstr("stop"));
    EXPECT_THAT(calls[2], HasSubstr("start"));
}

TEST_F(Pair, AnUndoWhoseSecondMemberFailsIsTakenBack) {
    restored();
    block("files");
    EXPECT_THROW(undo_restore(context(), follower, {"db", "files"}), Error);
    both_hold("content of db", "content of files");
    both_are(podman::State::running);
    EXPECT_EQ(steps()["db"], Step::swapped);
    EXPECT_EQ(steps()["files"], Step::swapped);
    std::filesystem::remove(staging("files") / "stays");
    undo_restore(context(), follower, {"db", "files"});
    both_hold("newer", "newer");
}

TEST_F(Pair, AnUndoThatIsNeitherDoneNorTakenBackStartsNobody) {
    restored();
    const auto phase = staging("files") / "phase";
    std::ofstream(phase) << "odd";
    try {
        undo_restore(context(), follower, {"db", "files"});
        FAIL();
    } catch (const Error& error) {
        EXPECT_EQ(error.code(), ExitCode::not_released);
        EXPECT_THAT(error.what(), HasSubstr("files: "));
    }
    both_are(podman::State::exited);
    EXPECT_FALSE(recover(settings, engine, {}).ok());
    both_are(podman::State::exited);
    std::ofstream(phase) << "swapped";
    EXPECT_TRUE(recover(settings, engine, {}).ok());
    both_hold("newer", "newer");
    both_are(podman::State::running);
}

TEST_F(Pair, AContainerThatIsStartedMeanwhileEndsTheUndo) {
    engine.add_container(
        {.name = "late",
         .state = podman::State::exited,
         .mounts = {{.type = "volume", .name = "db", .source = folder("db"), .destination = "/data"}}});
    restored();
    engine.on_call([&](fakes::FakeEngine::Moment moment, const std::string& call, const std::string& name) {
        if (moment == fakes::FakeEngine::Moment::after && call == "stop" && name == "server")
            engine.start("late");
    });
    EXPECT_THROW(undo_restore(context(), follower, {"db", "files"}), Error);
    both_hold("content of db", "content of files");
    both_are(podman::State::running);
    EXPECT_EQ(steps()["db"], Step::swapped);
}

TEST_F(Pair, AnUndoKilledBetweenTwoMembersIsFinished) {
    leave({{"db", Step::swapped, true}, {"files", Step::swapped, true}});
    mark(Step::undoing, "dead-undo");
    archive::exchange(site("db"));
    stopped_by("dead-undo");
    EXPECT_EQ(unsettled(settings), std::set<std::string>{"dead-undo"});
    EXPECT_TRUE(recover(settings, engine, {}).ok());
    both_hold("content of db", "content of files");
    both_are(podman::State::running);
    EXPECT_EQ(steps(), (std::map<std::string, Step>{{"db", Step::undone}, {"files", Step::undone}}));
}

TEST_F(Pair, AKilledUndoThatCanNotBeFinishedIsTakenBack) {
    leave({{"db", Step::swapped, true}, {"files", Step::swapped, true}});
    mark(Step::undoing, "dead-undo");
    archive::exchange(site("db"));
    block("files");
    stopped_by("dead-undo");
    EXPECT_TRUE(recover(settings, engine, {}).ok());
    both_hold("restored", "restored");
    both_are(podman::State::running);
    EXPECT_EQ(steps(), (std::map<std::string, Step>{{"db", Step::swapped}, {"files", Step::swapped}}));
}

} // namespace
} // namespace miraclemax::run
