#include "quiesce/recovery.hpp"

#include "quiesce/undo.hpp"
#include "unit/quiesce/scene.hpp"

#include <gmock/gmock.h>

#include <thread>

#include <sys/wait.h>
#include <unistd.h>

namespace miraclemax::quiesce {
namespace {

using podman::State;
using std::chrono::milliseconds;
using testing::HasSubstr;
using testing::StartsWith;

const Patience hasty{
    .tries = 3, .between = milliseconds(2), .unreachable = milliseconds(60), .settling = milliseconds(60)};

struct Row {
    Act act;
    State state;
    State then;
    const char* what;
    bool ok = true;
};

class UndoTable : public testing::TestWithParam<Row> {};

TEST_P(UndoTable, PutsBackFromEveryState) {
    const auto row = GetParam();
    fakes::FakeEngine engine;
    auto container = a_container("db", "db");
    container.state = row.state;
    engine.add_container(container);
    engine.add_container(a_container("other", "db"));
    const auto entry = entry_of(engine.look("db"), row.act);
    const auto result = undo(engine, entry, hasty);
    EXPECT_EQ(engine.state("db"), row.then);
    EXPECT_THAT(result.what, StartsWith(row.what));
    EXPECT_EQ(result.ok, row.ok);
    EXPECT_EQ(result.name, "db");
    // Idempotent, and nobody else was touched.
    EXPECT_EQ(undo(engine, entry, hasty).ok, row.ok);
    EXPECT_EQ(engine.state("db"), row.then);
    for (const auto& call : engine.calls())
        EXPECT_THAT(call, HasSubstr(" db"));
}

INSTANTIATE_TEST_SUITE_P(
    StatesAndActs, UndoTable,
    testing::Values(Row{Act::pause, State::running, State::running, "was already running"},
                    Row{Act::pause, State::paused, State::running, "unpaused"},
                    Row{Act::pause, State::created, State::running, "started"},
                    Row{Act::pause, State::initialized, State::running, "started"},
                    Row{Act::pause, State::stopped, State::running, "started"},
                    Row{Act::pause, State::exited, State::running, "started"},
                    Row{Act::pause, State::stopping, State::running, "started"},
                    Row{Act::pause, State::removing, State::removing, "is being removed", false},
                    Row{Act::stop, State::running, State::running, "was already running"},
                    Row{Act::stop, State::paused, State::paused, "is paused, but not by this run"},
                    Row{Act::stop, State::created, State::running, "started"},
                    Row{Act::stop, State::initialized, State::running, "started"},
                    Row{Act::stop, State::stopped, State::running, "started"},
                    Row{Act::stop, State::exited, State::running, "started"},
                    Row{Act::stop, State::stopping, State::running, "started"},
                    Row{Act::stop, State::removing, State::removing, "is being removed", false},
                    Row{Act::none, State::running, State::running, "is running"},
                    Row{Act::none, State::paused, State::paused, "is paused, but not by this run"},
                    Row{Act::none, State::exited, State::exited, "is not running: left"}),
    [](const testing::TestParamInfo<Row>& row) {
        return std::string(name_of(row.param.act)) + "_" + podman::name_of(row.param.state);
    });

struct UndoTest : testing::Test {
    fakes::FakeEngine engine;
    Entry entry;
    void add(Act act, State state) {
        auto container = a_container("db", "db");
        container.state = state;
        engine.add_container(container);
        entry = entry_of(engine.look("db"), act);
    }
};

TEST_F(UndoTest, PausedBeforeTheRunStaysPaused) {
    add(Act::pause, State::paused);
    entry.before = State::paused;
    EXPECT_TRUE(undo(engine, entry, hasty).ok);
    EXPECT_EQ(engine.state("db"), State::paused);
}

TEST_F(UndoTest, APauseThatCameLateIsUndoneToo) {
    add(Act::stop, State::paused);
    entry.tried_pause = true;
    EXPECT_EQ(undo(engine, entry, hasty).what, "unpaused");
}

TEST_F(UndoTest, GoneIsDone) {
    add(Act::pause, State::paused);
    engine.vanish("db");
    const auto result = undo(engine, entry, hasty);
    EXPECT_TRUE(result.ok);
    EXPECT_EQ(result.what, "is gone");
    EXPECT_TRUE(engine.calls().empty());
}

TEST_F(UndoTest, ReplacedAndRunningIsDone) {
    add(Act::stop, State::exited);
    engine.recreate("db");
    const auto result = undo(engine, entry, hasty);
    EXPECT_TRUE(result.ok);
    EXPECT_THAT(result.what, HasSubstr("replaced"));
    EXPECT_TRUE(engine.calls().empty());
}

TEST_F(UndoTest, AStrangerOfThatNameIsNeverStarted) {
    add(Act::stop, State::exited);
    engine.recreate("db");
    engine.change("db", [](auto& c) { c.state = State::exited; });
    const auto result = undo(engine, entry, hasty);
    EXPECT_FALSE(result.ok);
    EXPECT_EQ(engine.state("db"), State::exited);
    EXPECT_TRUE(engine.calls().empty());
}

TEST_F(UndoTest, AUnitMayBringItBack) {
    add(Act::pause, State::paused);
    entry.unit = "db.service";
    engine.vanish("db");
    int asked = 0;
    engine.on_call([&](auto moment, const std::string& call, const std::string&) {
        if (moment == fakes::FakeEngine::Moment::after && call == "containers" && ++asked == 2)
            engine.add_container(a_container("db", "db"));
    });
    EXPECT_THAT(undo(engine, entry, hasty).what, HasSubstr("replaced by a new container"));
}

TEST_F(UndoTest, ARefusalIsTriedAgainAndThenTold) {
    add(Act::stop, State::exited);
    engine.fail_next("start", "db", Error(ExitCode::podman, "port 80 is in use"), 2);
    EXPECT_EQ(undo(engine, entry, hasty).what, "started");
    engine.change("db", [](auto& c) { c.state = State::exited; });
    engine.fail_next("start", "db", Error(ExitCode::podman, "port 80 is in use"), 100);
    const auto result = undo(engine, entry, hasty);
    EXPECT_FALSE(result.ok);
    EXPECT_EQ(result.what, "port 80 is in use");
}

TEST_F(UndoTest, ALostAnswerIsNoFailure) {
    add(Act::pause, State::paused);
    engine.fail_next("unpause", "db", Error(ExitCode::podman, "timeout"), 1, fakes::FakeEngine::Effect::done);
    EXPECT_TRUE(undo(engine, entry, hasty).ok);
    EXPECT_EQ(engine.calls(), std::vector<std::string>{"unpause db"}); // not twice
}

// podman died between runc's resume and its own note of it.
TEST_F(UndoTest, TheWayOutOfAResumeThatPodmanDoesNotKnowOfIsTold) {
    add(Act::pause, State::paused);
    engine.fail_next("unpause", "db",
                     Error(ExitCode::podman, "podman refused to unpause db: `/usr/bin/runc resume " +
                                                 entry.id + "` failed: exit status 1"),
                     100000);
    const auto result = undo(engine, entry, hasty);
    EXPECT_FALSE(result.ok);
    EXPECT_THAT(result.what, testing::HasSubstr("`/usr/bin/runc pause " + entry.id +
                                                "` and then `podman unpause db` let it know"));
}

TEST_F(UndoTest, PodmanMayBeAwayForAWhile) {
    add(Act::pause, State::paused);
    engine.fail_next("container", "db", Error(ExitCode::podman, "connection refused"), 5);
    EXPECT_EQ(undo(engine, entry, hasty).what, "unpaused");
    engine.change("db", [](auto& c) { c.state = State::paused; });
    engine.fail_next("container", "db", Error(ExitCode::podman, "connection refused"), 100000);
    const auto result = undo(engine, entry, hasty);
    EXPECT_FALSE(result.ok);
    EXPECT_EQ(result.what, "connection refused");
}

TEST_F(UndoTest, OneThatIsGoneIsNotLookedForWithoutEnd) {
    add(Act::pause, State::paused);
    engine.vanish("db");
    engine.fail_next("containers", "", Error(ExitCode::podman, "database is locked"), 100000);
    const auto result = undo(engine, entry, hasty);
    EXPECT_FALSE(result.ok);
    EXPECT_EQ(result.what, "database is locked");
}

TEST_F(UndoTest, WhatEndsRightAfterItsStartIsTold) {
    add(Act::stop, State::exited);
    engine.on_call([&](auto moment, const std::string& call, const std::string&) {
        if (moment == fakes::FakeEngine::Moment::after && call == "start")
            engine.change("db", [](auto& c) { c.state = State::exited; });
    });
    const auto result = undo(engine, entry, hasty);
    EXPECT_FALSE(result.ok);
    EXPECT_THAT(result.what, HasSubstr("ends right after"));
}

struct RecoverTest : testing::Test {
    Folder temp;
    fakes::FakeEngine engine;

    void SetUp() override {
        for (const char* name : {"app", "cache", "db", "stranger"})
            engine.add_container(a_container(name, name));
    }
    Entry entry(const std::string& name, Act act, int stage = 0) {
        auto made = entry_of(engine.look(name), act);
        made.stage = stage;
        return made;
    }
    // A process that writes the intents and dies without any destructor, as by SIGKILL.
    void die_with(const std::vector<Entry>& entries, const std::string& run = "r1") {
        const pid_t child = ::fork();
        if (child == 0) {
            Journal journal(temp.path(), run);
            for (const auto& one : entries)
                journal.intend(one);
            ::kill(::getpid(), SIGKILL);
        }
        int status = 0;
        ::waitpid(child, &status, 0);
        ASSERT_TRUE(WIFSIGNALED(status));
    }
    void set(const std::string& name, State state) {
        engine.change(name, [&](auto& c) { c.state = state; });
    }
};

TEST_F(RecoverTest, NothingToDo) {
    EXPECT_TRUE(recover(engine, temp.path()).ok());
    EXPECT_TRUE(recover(engine, temp.path() / "missing").containers.empty());
    EXPECT_TRUE(engine.calls().empty());
}

TEST_F(RecoverTest, UnpausesFirstThenStartsInDependencyOrder) {
    die_with({entry("app", Act::stop, 0), entry("db", Act::stop, 1), entry("cache", Act::pause, 2)});
    set("app", State::exited);
    set("db", State::stopping);
    set("cache", State::paused);
    const auto report = recover(engine, temp.path());
    EXPECT_TRUE(report.ok());
    EXPECT_TRUE(report.warnings.empty()) << all_of(report.warnings);
    EXPECT_EQ(engine.calls(),
              (std::vector<std::string>{"unpause cache", "stop db", "start db", "start app"}));
    EXPECT_TRUE(temp.files().empty());
    EXPECT_EQ(report.containers.at(0).run, "r1");
    EXPECT_TRUE(recover(engine, temp.path()).containers.empty());
}

TEST_F(RecoverTest, ALivingRunIsLeftAlone) {
    Journal journal(temp.path(), "r1");
    journal.intend(entry("db", Act::pause));
    set("db", State::paused);
    EXPECT_TRUE(recover(engine, temp.path()).containers.empty());
    EXPECT_EQ(engine.state("db"), State::paused);
    journal.done(engine.look("db").id);
}

TEST_F(RecoverTest, WhatALivingRunHoldsIsLeftToIt) {
    die_with({entry("db", Act::pause), entry("app", Act::pause)}, "a");
    Journal journal(temp.path(), "b");
    journal.intend(entry("db", Act::pause));
    set("db", State::paused);
    set("app", State::paused);
    EXPECT_TRUE(recover(engine, temp.path()).ok());
    EXPECT_EQ(engine.state("db"), State::paused);
    EXPECT_EQ(engine.state("app"), State::running);
    journal.done(engine.look("db").id);
    journal.close();
    EXPECT_TRUE(recover(engine, temp.path()).ok()); // should b have died instead, db comes back now
    EXPECT_EQ(engine.state("db"), State::running);
    EXPECT_TRUE(temp.files().empty());
}

TEST_F(RecoverTest, AFailureKeepsTheJournalForTheNextTime) {
    die_with({entry("db", Act::stop), entry("app", Act::stop)});
    set("db", State::exited);
    set("app", State::exited);
    engine.fail_next("start", "db", Error(ExitCode::podman, "no space"), 3);
    const auto report = recover(engine, temp.path());
    EXPECT_FALSE(report.ok());
    EXPECT_EQ(engine.state("app"), State::running);
    engine.forget_calls();
    EXPECT_TRUE(recover(engine, temp.path()).ok());
    EXPECT_EQ(engine.calls(), std::vector<std::string>{"start db"});
    EXPECT_TRUE(temp.files().empty());
}

TEST_F(RecoverTest, OwedAfterHooksRunAndMayFail) {
    auto hooked = entry("db", Act::pause);
    hooked.after = {"thaw", "now"};
    auto unfrozen = entry("app", Act::none);
    unfrozen.after = {"resume"};
    die_with({hooked, unfrozen});
    set("db", State::paused);
    engine.on_exec([](const auto& container, const auto&, auto) {
        return podman::ExecResult{.exit_code = container.name == "app" ? 3 : 0, .output = "sorry\n"};
    });
    const auto report = recover(engine, temp.path());
    EXPECT_TRUE(report.ok());
    EXPECT_EQ(engine.calls(),
              (std::vector<std::string>{"unpause db", "exec db thaw now", "exec app resume"}));
    EXPECT_THAT(all_of(report.warnings), HasSubstr("after-hook of app ended with 3: sorry"));
    EXPECT_TRUE(temp.files().empty());
}

TEST_F(RecoverTest, TwoAtOnceUndoEverythingOnce) {
    for (const char* run : {"a", "b", "c"})
        die_with({entry("db", Act::pause), entry("app", Act::stop)}, run);
    set("db", State::paused);
    set("app", State::exited);
    {
        std::jthread other([&] { EXPECT_TRUE(recover(engine, temp.path()).ok()); });
        EXPECT_TRUE(recover(engine, temp.path()).ok());
    }
    EXPECT_TRUE(recover(engine, temp.path()).ok());
    EXPECT_EQ(engine.state("db"), State::running);
    EXPECT_EQ(engine.state("app"), State::running);
    EXPECT_TRUE(temp.files().empty());
}

// Cut at its records, as a crash leaves it, and with the whole file, as only a damage does, which is told.
TEST_F(RecoverTest, EveryTruncationUndoesWhatIsIntact) {
    die_with({entry("db", Act::pause), entry("app", Act::stop)});
    const auto whole = content_of(temp.path() / "r1.journal");
    const auto size = whole.find('\0');
    const auto first_end = whole.find('\n', whole.find('\n') + 1);
    std::filesystem::remove(temp.path() / "r1.journal");
    for (const bool crash : {true, false})
        for (std::size_t cut = 0; cut <= size; ++cut) {
            auto left = whole.substr(0, cut);
            left.resize(crash ? whole.size() : cut);
            put(temp.path() / "r1.journal", left);
            set("db", State::paused);
            set("app", State::exited);
            set("stranger", State::paused);
            const auto report = recover(engine, temp.path());
            EXPECT_EQ(engine.state("db"), cut >= first_end ? State::running : State::paused) << cut;
            EXPECT_EQ(engine.state("app"), cut >= size - 1 ? State::running : State::exited) << cut;
            EXPECT_EQ(engine.state("stranger"), State::paused) << cut;
            if (crash || cut == 0) {
                EXPECT_TRUE(report.warnings.empty()) << cut << all_of(report.warnings);
                EXPECT_TRUE(temp.files().empty()) << cut;
            } else {
                EXPECT_THAT(all_of(report.warnings), HasSubstr("damaged")) << cut;
                EXPECT_EQ(temp.files(), std::vector<std::string>{"r1.damaged-journal"}) << cut;
                std::filesystem::remove(temp.path() / "r1.damaged-journal");
            }
        }
}

TEST_F(RecoverTest, EveryFlipUndoesWhatIsIntactAndIsTold) {
    die_with({entry("db", Act::pause), entry("app", Act::stop)});
    const auto whole = content_of(temp.path() / "r1.journal");
    const auto size = whole.find('\0');
    const auto first = whole.find('\n') + 1;
    const auto second = whole.find('\n', first) + 1;
    std::filesystem::remove(temp.path() / "r1.journal");
    for (std::size_t at = 0; at < size; ++at)
        for (const unsigned flip : {0x01U, 0x2aU, 0xffU}) {
            auto broken = whole;
            broken[at] = static_cast<char>(static_cast<unsigned char>(broken[at]) ^ flip);
            put(temp.path() / "r1.journal", broken);
            set("db", State::paused);
            set("app", State::exited);
            set("stranger", State::paused);
            const auto report = recover(engine, temp.path());
            const auto where = "byte " + std::to_string(at) + " flip " + std::to_string(flip);
            if (at < first || at + 1 >= second) {
                EXPECT_EQ(engine.state("db"), State::running) << where;
            }
            if (at < second || at + 1 == size) {
                EXPECT_EQ(engine.state("app"), State::running) << where;
            }
            EXPECT_EQ(engine.state("stranger"), State::paused) << where;
            EXPECT_THAT(all_of(report.warnings), HasSubstr("damaged")) << where;
            EXPECT_EQ(temp.files(), std::vector<std::string>{"r1.damaged-journal"}) << where;
            std::filesystem::remove(temp.path() / "r1.damaged-journal");
        }
}

} // namespace
} // namespace miraclemax::quiesce
