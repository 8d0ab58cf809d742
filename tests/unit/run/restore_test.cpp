#include "run/restore.hpp"

#include "error.hpp"
#include "unit/run/restoring_house.hpp"

#include <gmock/gmock.h>

namespace miraclemax::run {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST_F(Restoring, PutsTheDataBackWhileTheContainerIsStopped) {
    back_up();
    write("data", "file", "ruined");
    write("data", "later", "x");
    engine.forget_calls();
    const auto result = restore_all();
    EXPECT_EQ(result.code, ExitCode::ok);
    EXPECT_EQ(read("data"), "content of data");
    EXPECT_THAT(names("data"), ElementsAre("file"));
    EXPECT_EQ(engine.state("app"), podman::State::running);
    EXPECT_THAT(engine.calls(), ElementsAre("stop app", "start app"));
    EXPECT_TRUE(aside("data"));
}

TEST_F(Restoring, UndoBringsTheOldDataBackOnce) {
    back_up();
    write("data", "file", "newer");
    restore_all();
    undo_restore(context(), follower, {});
    EXPECT_EQ(read("data"), "newer");
    EXPECT_EQ(engine.state("app"), podman::State::running);
    EXPECT_THROW(undo_restore(context(), follower, {}), Error);
    EXPECT_THAT(discard_all(), ElementsAre("data"));
    EXPECT_FALSE(aside("data"));
    EXPECT_EQ(read("data"), "newer");
}

TEST_F(Restoring, TheNextGoodBackupLetsGoWhatLiesAside) {
    back_up();
    restore_all();
    ASSERT_TRUE(aside("data"));
    const auto backup = back_up();
    EXPECT_EQ(backup.code, ExitCode::ok);
    EXPECT_FALSE(aside("data"));
    EXPECT_EQ(backup.manifest.components.front().entries.entries, 2U); // what lay aside was no part of it
    EXPECT_TRUE(RestoreRecords(settings).all().empty());
}

// No command comes here without prove(): this is an archive that is damaged between that and its reading.
TEST_F(Restoring, OneBadMemberLeavesTheWholeGroupAsItWas) {
    add("more", "other", {{"miraclemax.group", "both"}});
    engine.change("app", [](podman::Container&) {});
    engine.remove_volume("data");
    add("data", "", {{"miraclemax.group", "both"}});
    const auto id = back_up().manifest.id;
    write("data", "file", "newer");
    write("more", "file", "newer");
    const auto archive = settings.backups / id / "volumes/more.tar.gz";
    std::filesystem::resize_file(archive, std::filesystem::file_size(archive) - 40);
    engine.forget_calls();
    const auto result = restore_all();
    EXPECT_EQ(result.code, ExitCode::damaged);
    EXPECT_EQ(read("data"), "newer");
    EXPECT_EQ(read("more"), "newer");
    EXPECT_TRUE(engine.calls().empty()); // nothing was stopped
    EXPECT_FALSE(aside("data"));
    EXPECT_FALSE(aside("more"));
    EXPECT_TRUE(RestoreRecords(settings).all().empty());
}

// As every command goes: what is damaged is known before anything is unpacked, and the whole restore is off.
TEST_F(Restoring, OneBadArchiveIsFoundBeforeAnythingIsUnpacked) {
    add("more", "other", {{"miraclemax.group", "both"}});
    add("third", "");
    engine.remove_volume("data");
    add("data", "", {{"miraclemax.group", "both"}});
    const auto id = back_up().manifest.id;
    for (const auto* each : {"data", "more", "third"})
        write(each, "file", "newer");
    const auto archive = settings.backups / id / "volumes/more.tar.gz";
    std::filesystem::resize_file(archive, std::filesystem::file_size(archive) - 40);
    engine.forget_calls();
    const auto planned = plan();
    try {
        prove(context(), follower, planned, {.signers = {}, .unsigned_is_fine = true});
        restore(context(), follower, planned, {}, {});
        ADD_FAILURE() << "it was restored";
    } catch (const Error& error) {
        EXPECT_EQ(error.code(), ExitCode::damaged);
        EXPECT_THAT(error.what(), HasSubstr("backup " + id));
        EXPECT_THAT(error.what(), HasSubstr("volumes/more.tar.gz"));
        EXPECT_FALSE(error.remedy().empty());
    }
    for (const auto* each : {"data", "more", "third"}) {
        EXPECT_EQ(read(each), "newer") << each;
        EXPECT_FALSE(aside(each)) << each;
    }
    EXPECT_TRUE(engine.calls().empty());
    EXPECT_TRUE(RestoreRecords(settings).all().empty());
}

TEST_F(Restoring, AContainerThatMayNotBeStoppedRefuses) {
    back_up();
    write("data", "file", "newer");
    engine.change("app", [](podman::Container& container) { container.auto_remove = true; });
    const auto planned = plan();
    EXPECT_FALSE(planned.feasible());
    const auto result = restore_all();
    EXPECT_NE(result.code, ExitCode::ok);
    EXPECT_EQ(read("data"), "newer");
    EXPECT_EQ(engine.state("app"), podman::State::running);
    EXPECT_FALSE(aside("data"));
}

TEST_F(Restoring, WhoOnlyReadsItIsStoppedToo) {
    back_up();
    engine.add_container({.name = "reader",
                          .mounts = {{.type = "volume",
                                      .name = "data",
                                      .source = folder("data"),
                                      .destination = "/data",
                                      .writable = false}}});
    engine.add_container(
        {.name = "above",
         .mounts = {{.type = "bind", .source = root, .destination = "/host", .writable = false}}});
    restore_all();
    EXPECT_THAT(follower.stopped, testing::UnorderedElementsAre("app", "reader"));
}

TEST_F(Restoring, AContainerThatComesBetweenEndsItWithTheOldData) {
    back_up();
    write("data", "file", "newer");
    engine.on_call([&](fakes::FakeEngine::Moment moment, const std::string& call, const std::string& name) {
        if (moment == fakes::FakeEngine::Moment::after && call == "stop" && name == "app")
            engine.recreate("app");
    });
    const auto result = restore_all();
    EXPECT_NE(result.code, ExitCode::ok);
    EXPECT_EQ(read("data"), "newer");
    EXPECT_FALSE(aside("data"));
}

TEST_F(Restoring, StopEndsItWithTheOldDataAndNothingBehind) {
    back_up();
    write("data", "file", "newer");
    follower.on_unpacked = [&](const RestoreItem&) { stop.request_stop(); };
    EXPECT_THROW(restore_all(), Error);
    EXPECT_EQ(read("data"), "newer");
    EXPECT_EQ(engine.state("app"), podman::State::running);
    EXPECT_FALSE(aside("data"));
}

TEST_F(Restoring, LatestIsTheNewestWholeArchiveOfEach) {
    const auto first = back_up().manifest.id;
    add("second", "two");
    const auto second = back_up({.components = {"second"}}).manifest.id;
    const auto planned = plan();
    std::map<std::string, std::string> from;
    for (const auto& group : planned.groups)
        for (const auto& item : group.items)
            from[item.record.name] = item.id;
    EXPECT_EQ(from, (std::map<std::string, std::string>{{"data", first}, {"second", second}}));
    EXPECT_THROW(plan({.components = {"nobody"}}), Error);
    EXPECT_THROW(plan({.backup = "20010101_000000"}), Error);
    EXPECT_THROW(plan({.into = "x", .to = "/y"}), Error);
    EXPECT_THROW(plan({.components = {"data"}, .only = "../x"}), Error);
}

TEST_F(Restoring, AnUnhealthyContainerTakesTheOldDataBackWhereAsked) {
    back_up();
    write("data", "file", "newer");
    engine.on_call([&](fakes::FakeEngine::Moment moment, const std::string& call, const std::string&) {
        if (moment == fakes::FakeEngine::Moment::after && call == "start")
            engine.change("app", [](podman::Container& container) { container.health = "unhealthy"; });
    });
    auto result = restore_all();
    EXPECT_EQ(result.code, ExitCode::unhealthy);
    EXPECT_EQ(read("data"), "content of data");
    write("data", "file", "third");
    result = restore_all({.rollback_on_unhealthy = true});
    EXPECT_TRUE(result.rolled_back);
    EXPECT_EQ(result.code, ExitCode::unhealthy);
    EXPECT_EQ(read("data"), "third");
}

// A night in which it failed is no reason to come back without it.
TEST_F(Restoring, LatestTakesWhatFailedLastNightFromBefore) {
    add("db", "server");
    const auto first = back_up().manifest.id;
    engine.fail_next("pause", "server", Error(ExitCode::podman, "no"), 9);
    engine.fail_next("stop", "server", Error(ExitCode::podman, "no"), 9);
    const auto second = back_up();
    ASSERT_EQ(second.manifest.failed.size(), 1U);
    std::map<std::string, std::string> from;
    for (const auto& group : plan().groups)
        for (const auto& item : group.items)
            from[item.record.name] = item.id;
    EXPECT_EQ(from, (std::map<std::string, std::string>{{"data", second.manifest.id}, {"db", first}}));
}

TEST_F(Restoring, WhatWasRestoredBesideIsNoBusinessOfUndo) {
    back_up();
    write("data", "file", "newer");
    restore_all();
    const auto beside = root / "beside";
    restore_all({.components = {"data"}, .to = beside});
    EXPECT_TRUE(std::filesystem::exists(beside / "data/file"));
    undo_restore(context(), follower, {});
    EXPECT_EQ(read("data"), "newer");
    EXPECT_TRUE(std::filesystem::exists(beside / "data/file"));
}

TEST_F(Restoring, AManifestThatChangesUnderThePlanIsRefused) {
    back_up();
    auto planned = plan();
    planned.groups.front().items.front().record.archive.tar_sha256 = std::string(64, 'a');
    EXPECT_THROW(prove(context(), follower, planned, {.signers = {}, .unsigned_is_fine = true}), Error);
    EXPECT_NO_THROW(prove(context(), follower, plan(), {.signers = {}, .unsigned_is_fine = true}));
}

TEST_F(Restoring, ADamagedManifestOfTheBackupBeforeItIsNoReasonNotToRestore) {
    const auto first = back_up().manifest.id;
    const auto second = back_up().manifest.id;
    std::ofstream(settings.backups / first / "manifest.json", std::ios::app) << "x";
    recorder.warnings.clear();
    EXPECT_NO_THROW(
        prove(context(), follower, plan({.backup = second}), {.signers = {}, .unsigned_is_fine = true}));
    ASSERT_EQ(recorder.warnings.size(), 1U);
    EXPECT_NE(recorder.warnings.front().find("the backup before it was changed"), std::string::npos);
    EXPECT_THROW(
        prove(context(), follower, plan({.backup = first}), {.signers = {}, .unsigned_is_fine = true}),
        Error);
}

// What a killed run leaves: a record, and a staging folder in some state.
class CutOff : public Restoring {
protected:
    void leave(Step step, const std::function<void(const archive::Site&)>& prepare) {
        const archive::Site site{.root = folder("data"), .single = false, .run = "dead-run", .only = {}};
        prepare(site);
        std::filesystem::create_directories(settings.state);
        RestoreRecord record{.run = "dead-run",
                             .at = "2026-01-01T00:00:00+00:00",
                             .components = {{.component = "data",
                                             .backup = "20260101_000000",
                                             .volume = "data",
                                             .volume_created_at = engine.volume("data")->created_at,
                                             .path = folder("data"),
                                             .single = false,
                                             .only = {},
                                             .step = step}}};
        RestoreRecords(settings).keep(record);
    }
    // The run stopped the container, and was killed.
    void stopped_by_the_dead() {
        const auto app = engine.look("app");
        const pid_t child = ::fork();
        if (child == 0) {
            quiesce::Journal journal(settings.journals(), "dead-run");
            journal.intend(
                {.id = app.id, .name = "app", .act = quiesce::Act::stop, .started_at = app.started_at});
            ::_exit(0); // without a destructor: the entry stays open
        }
        ::waitpid(child, nullptr, 0);
        engine.stop("app", std::chrono::seconds(1));
    }
    void stage(const archive::Site& site) {
        archive::begin_staging(site);
        std::ofstream(folder("data") / ".miraclemax-dead-run/new/file") << "restored";
    }
};

TEST_F(CutOff, WhatWasOnlyStagedIsDropped) {
    leave(Step::staging, [&](const archive::Site& site) { stage(site); });
    const auto recovery = recover(settings, engine, {});
    EXPECT_TRUE(recovery.ok());
    EXPECT_EQ(read("data"), "content of data");
    EXPECT_FALSE(aside("data"));
    EXPECT_TRUE(RestoreRecords(settings).all().empty());
}

TEST_F(CutOff, ASwapIsSettledBeforeItsContainersStart) {
    leave(Step::swapping, [&](const archive::Site& site) {
        stage(site);
        archive::seal(site);
        archive::swap(site);
    });
    stopped_by_the_dead();
    EXPECT_EQ(unsettled(settings), std::set<std::string>{"dead-run"});
    quiesce::recover(engine, settings.journals(), {}, waiting(settings, engine, {}));
    EXPECT_EQ(engine.state("app"), podman::State::exited); // not yet
    const auto recovery = recover(settings, engine, {});
    EXPECT_TRUE(recovery.ok());
    EXPECT_EQ(read("data"), "restored");
    EXPECT_EQ(engine.state("app"), podman::State::running);
    ASSERT_EQ(RestoreRecords(settings).all().size(), 1U);
    EXPECT_EQ(RestoreRecords(settings).all().front().components.front().step, Step::swapped);
}

TEST_F(CutOff, WhatCanNotBeSettledKeepsItsContainersStopped) {
    leave(Step::swapping, [&](const archive::Site& site) {
        stage(site);
        archive::seal(site);
    });
    stopped_by_the_dead();
    std::filesystem::rename(folder("data"), root / "away");
    auto recovery = recover(settings, engine, {});
    EXPECT_FALSE(recovery.ok());
    EXPECT_EQ(engine.state("app"), podman::State::exited);
    std::filesystem::rename(root / "away", folder("data"));
    recovery = recover(settings, engine, {});
    EXPECT_TRUE(recovery.ok());
    EXPECT_EQ(read("data"), "content of data");
    EXPECT_EQ(engine.state("app"), podman::State::running);
}

// The undo is a run of its own: its journal has the containers, the restore's record the data.
TEST_F(CutOff, AKilledUndoIsSettledBeforeItsContainersStart) {
    leave(Step::undoing, [&](const archive::Site& site) {
        stage(site);
        archive::seal(site);
        archive::swap(site);
    });
    RestoreRecords records(settings);
    auto record = records.all().front();
    advance(records, record, "data", Step::undoing, "dead-undo");
    const auto app = engine.look("app");
    const pid_t child = ::fork();
    if (child == 0) {
        quiesce::Journal journal(settings.journals(), "dead-undo");
        journal.intend(
            {.id = app.id, .name = "app", .act = quiesce::Act::stop, .started_at = app.started_at});
        ::_exit(0);
    }
    ::waitpid(child, nullptr, 0);
    engine.stop("app", std::chrono::seconds(1));
    EXPECT_EQ(unsettled(settings), std::set<std::string>{"dead-undo"});
    std::filesystem::rename(folder("data"), root / "away");
    EXPECT_FALSE(recover(settings, engine, {}).ok());
    EXPECT_EQ(engine.state("app"), podman::State::exited);
    std::filesystem::rename(root / "away", folder("data"));
    EXPECT_TRUE(recover(settings, engine, {}).ok());
    EXPECT_EQ(engine.state("app"), podman::State::running);
    EXPECT_EQ(read("data"), "content of data"); // what was begun is finished
}

TEST_F(CutOff, AVolumeThatIsGoneHoldsNobodyUp) {
    leave(Step::staging, [&](const archive::Site& site) { stage(site); });
    engine.vanish("app");
    engine.remove_volume("data");
    EXPECT_TRUE(recover(settings, engine, {}).ok());
    EXPECT_TRUE(RestoreRecords(settings).all().empty());
}

TEST_F(CutOff, ADamagedRecordHoldsItsContainersAndIsTold) {
    leave(Step::swapping, [&](const archive::Site&) {});
    stopped_by_the_dead();
    std::ofstream(settings.restores() / "dead-run.json") << "{";
    const auto recovery = recover(settings, engine, {});
    EXPECT_FALSE(recovery.ok());
    EXPECT_EQ(engine.state("app"), podman::State::exited);
    ASSERT_EQ(recovery.data.size(), 1U);
    EXPECT_THAT(recovery.data.front().what, HasSubstr("dead-run.json"));
}

} // namespace
} // namespace miraclemax::run
