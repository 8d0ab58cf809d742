// Who has to wait for half-moved data, and who has not.
#include "unit/run/pair.hpp"
#include "unit/store/scratch.hpp"

#include <gmock/gmock.h>

namespace miraclemax::run {
namespace {

using fakes::FakeEngine;
using podman::State;
using testing::Contains;
using testing::HasSubstr;

class HeldBack : public Pair {
protected:
    HeldBack() { add_user_of_both(); }
    // What a backup did that was killed.
    void frozen(const std::string& name, quiesce::Act act, const std::string& run = "dead-backup") {
        const int status = test::in_child([&] {
            quiesce::Journal journal(settings.journals(), run);
            const auto found = engine.look(name);
            journal.intend({.id = found.id, .name = name, .act = act, .started_at = found.started_at});
            ::_exit(0);
            return 0;
        });
        ASSERT_EQ(status, 0);
        if (act == quiesce::Act::pause)
            engine.pause(name);
        else
            engine.stop(name, std::chrono::seconds(1));
    }
    void keep(const std::string& run, const std::map<std::string, Step>& components) {
        RestoreRecord record{.run = run, .at = "2026-01-01T00:00:00+00:00", .components = {}};
        for (const auto& [volume, step] : components)
            record.components.push_back({.component = volume,
                                         .backup = "20260101_000000",
                                         .volume = volume,
                                         .volume_created_at = engine.volume(volume)->created_at,
                                         .path = folder(volume),
                                         .step = step,
                                         .group = "db"});
        std::filesystem::create_directories(settings.state);
        RestoreRecords(settings).keep(record);
    }
    // "files" can't be settled until it is back.
    void half_moved_files() {
        leave({{"files", Step::swapping, false, "files"}});
        std::filesystem::rename(folder("files"), root / "away");
    }
    void files_are_back() { std::filesystem::rename(root / "away", folder("files")); }
    quiesce::RecoveryReport put_back() {
        return quiesce::recover(engine, settings.journals(), {}, waiting(settings, engine, {}));
    }
    void podman_cannot_list(int times) {
        engine.fail_next("containers", "", Error(ExitCode::podman, "inspect stranger: deadline"), times);
    }
    [[nodiscard]] static std::vector<std::string> told(const quiesce::RecoveryReport& report) {
        std::vector<std::string> lines;
        for (const auto& each : report.containers)
            lines.push_back(each.name + (each.ok ? " ok " : " not ") + each.what);
        return lines;
    }
};

TEST_F(HeldBack, NobodyStaysPausedWherePodmanCanNotTellWhoWaits) {
    keep("dead-run", {{"db", Step::emptied}});
    frozen("web", quiesce::Act::pause, "dead-1");
    frozen("app", quiesce::Act::stop, "dead-2");
    podman_cannot_list(1);
    const auto report = put_back();
    EXPECT_EQ(engine.state("web"), State::running);
    EXPECT_EQ(engine.state("app"), State::exited);
    EXPECT_FALSE(report.ok());
    EXPECT_THAT(told(report), Contains(HasSubstr("app not waits: ")));
    EXPECT_THAT(told(report), Contains(HasSubstr("inspect stranger: deadline")));
    EXPECT_TRUE(put_back().ok());
    EXPECT_EQ(engine.state("app"), State::running);
}

TEST_F(HeldBack, PodmanIsAskedAfterThePausesAndOnlyForSomebodyToStart) {
    keep("dead-run", {{"db", Step::emptied}});
    frozen("web", quiesce::Act::pause);
    std::vector<State> web; // when podman was asked
    engine.on_call([&](FakeEngine::Moment moment, const std::string& call, const std::string&) {
        if (moment == FakeEngine::Moment::before && call == "containers")
            web.push_back(engine.state("web"));
    });
    EXPECT_TRUE(put_back().ok());
    EXPECT_TRUE(web.empty());
    frozen("web", quiesce::Act::pause, "dead-1");
    frozen("app", quiesce::Act::stop, "dead-0");
    EXPECT_TRUE(put_back().ok());
    EXPECT_EQ(web, std::vector<State>{State::running});
}

TEST_F(HeldBack, NobodyWaitsForAComponentThatIsWhole) {
    keep("dead-run", {{"db", Step::emptied}, {"files", Step::strays}});
    frozen("web", quiesce::Act::stop);
    frozen("server", quiesce::Act::stop, "dead-2");
    put_back();
    EXPECT_EQ(engine.state("web"), State::running);
    EXPECT_EQ(engine.state("server"), State::exited);
}

TEST_F(HeldBack, OnlyWhoUsesItOrNeedsOneWhoDoesAndTheyAreToldEachTime) {
    engine.add_container({.name = "needing", .dependencies = {engine.look("both").id}});
    half_moved_files();
    for (const auto* each : {"needing", "server"})
        frozen(each, quiesce::Act::stop, std::string("dead-") + each);
    frozen("both", quiesce::Act::stop);
    for (int i = 0; i < 2; ++i) {
        const auto recovery = recover(settings, engine, {});
        EXPECT_FALSE(recovery.containers.ok());
        for (const auto* each : {"both", "needing"}) {
            EXPECT_EQ(engine.state(each), State::exited);
            EXPECT_THAT(
                told(recovery.containers),
                Contains(each + std::string(" not waits until the data that it uses is whole")).Times(1));
        }
        EXPECT_EQ(engine.state("server"), State::running);
    }
    files_are_back();
    const auto recovery = recover(settings, engine, {});
    EXPECT_TRUE(recovery.ok()) << "who waited at first and is back is told as back";
    EXPECT_EQ(engine.state("both"), State::running);
    EXPECT_EQ(engine.state("needing"), State::running);
}

TEST_F(HeldBack, OfOneJournalTheOthersAreStarted) {
    leave({{"db", Step::swapping, true, "db"}, {"files", Step::swapping, false, "files"}});
    std::filesystem::rename(folder("files"), root / "away");
    const auto recovery = recover(settings, engine, {});
    EXPECT_EQ(steps()["db"], Step::swapped);
    EXPECT_EQ(engine.state("server"), State::running) << "its data is whole, and it needs nobody";
    EXPECT_EQ(engine.state("both"), State::exited);
    EXPECT_THAT(told(recovery.containers), Contains(HasSubstr("both not waits until")));
    std::string data;
    for (const auto& each : recovery.data)
        if (each.component == "db")
            data = each.what;
    EXPECT_THAT(data, testing::EndsWith("; stopped until all that they use is whole: both"));
    files_are_back();
    EXPECT_TRUE(recover(settings, engine, {}).ok());
    EXPECT_EQ(engine.state("both"), State::running);
}

TEST_F(HeldBack, ForTheDataOfALivingRunIsToldToo) {
    const quiesce::Journal living(settings.journals(), "living");
    keep("living", {{"files", Step::swapping}});
    frozen("web", quiesce::Act::stop);
    const auto recovery = recover(settings, engine, {});
    EXPECT_FALSE(recovery.ok());
    EXPECT_THAT(told(recovery.containers), Contains(HasSubstr("web not waits until")));
}

TEST_F(HeldBack, IsNoReasonForOthersNotToRun) {
    keep("dead-run", {{"db", Step::emptied}});
    frozen("both", quiesce::Act::stop);
    undo_dead_runs(context(), true);
    EXPECT_THAT(recorder.warnings, Contains(HasSubstr("both waits until")));
    EXPECT_EQ(engine.state("both"), State::exited);
}

TEST_F(HeldBack, AnotherRecordThatIsStillHalfMovedIsWaitedForThoughStraysWereTold) {
    leave({{"files", Step::swapping, false, "files"}});
    archive::swap(site("files"));
    std::filesystem::rename(folder("files") / "file", staging("files") / "new/file");
    std::ofstream(staging("files") / "phase") << "in\n";
    write("files", "file", "a stranger");
    stage("db");
    std::filesystem::rename(staging("db"), folder("db") / ".miraclemax-dead-run-2");
    keep("dead-run-2", {{"db", Step::swapping}});
    // Another recovery looks at its journal, and so it seems to live.
    auto other = std::make_unique<quiesce::Journal>(settings.journals(), "dead-run-2");
    engine.on_call([&](FakeEngine::Moment moment, const std::string& call, const std::string& name) {
        if (moment == FakeEngine::Moment::after && call == "start" && name == "web")
            other.reset();
    });
    undo_dead_runs(context(), true);
    EXPECT_EQ(in_motion(settings), "");
    EXPECT_THAT(recorder.warnings, Contains(HasSubstr("strays/1/file")));
}

} // namespace
} // namespace miraclemax::run
