// Recovery that has to end soon, and journals that can't be trusted.
#include "quiesce/recovery.hpp"

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
using SteadyClock = std::chrono::steady_clock;
using Calls = std::vector<std::string>;

struct HasteTest : testing::Test {
    Folder temp;
    fakes::FakeEngine engine;
    Haste none{.until = SteadyClock::now()};

    Entry add(const std::string& name, Act act, State state) {
        engine.add_container(a_container(name, name));
        auto entry = entry_of(engine.look(name), act);
        engine.change(name, [&](auto& c) { c.state = state; });
        return entry;
    }
    void die_with(const std::vector<Entry>& entries) {
        const pid_t child = ::fork();
        if (child == 0) {
            Journal journal(temp.path(), "r1");
            for (const auto& one : entries)
                journal.intend(one);
            ::_exit(0);
        }
        int status = 0;
        ::waitpid(child, &status, 0);
    }
};

TEST_F(HasteTest, ALongStopIsLeftAndTheOthersAreNot) {
    auto slow = add("slow", Act::stop, State::stopping);
    slow.stop_timeout = std::chrono::seconds(60);
    slow.stage = 1;
    die_with({add("app", Act::stop, State::exited), slow, add("web", Act::pause, State::paused)});
    const auto begun = SteadyClock::now();
    const auto report = recover(engine, temp.path(), none);
    EXPECT_LT(SteadyClock::now() - begun, milliseconds(500));
    EXPECT_FALSE(report.ok());
    EXPECT_EQ(engine.calls(), (Calls{"unpause web", "start app"})); // no second stop
    EXPECT_THAT(report.containers.at(1).what, HasSubstr("may take 60 s"));
    EXPECT_EQ(temp.files(), Calls{"r1.journal"});
    engine.change("slow", [](auto& c) { c.state = State::exited; });
    EXPECT_TRUE(recover(engine, temp.path()).ok());
    EXPECT_EQ(engine.state("slow"), State::running);
    EXPECT_TRUE(temp.files().empty());
}

TEST_F(HasteTest, AStopThatEndsInTimeIsUndone) {
    auto slow = add("slow", Act::stop, State::stopping);
    slow.stop_timeout = std::chrono::seconds(60);
    die_with({slow});
    std::jthread podman([&] {
        std::this_thread::sleep_for(milliseconds(150));
        engine.change("slow", [](auto& c) { c.state = State::exited; });
    });
    EXPECT_TRUE(recover(engine, temp.path(), {.until = SteadyClock::now() + std::chrono::seconds(20)}).ok());
    EXPECT_EQ(engine.calls(), Calls{"start slow"});
}

TEST_F(HasteTest, ARefusalIsToldAtOnce) {
    die_with({add("db", Act::stop, State::exited)});
    engine.fail_next("start", "db", Error(ExitCode::podman, "port in use"), 1);
    EXPECT_EQ(recover(engine, temp.path(), none).containers.at(0).what, "port in use");
}

TEST_F(HasteTest, AHookStaysOwed) {
    auto hooked = add("db", Act::pause, State::paused);
    hooked.after = {"thaw"};
    die_with({hooked});
    std::stop_source stop;
    stop.request_stop();
    EXPECT_TRUE(recover(engine, temp.path(), {.stop = stop.get_token()}).ok());
    EXPECT_EQ(engine.calls(), Calls{"unpause db"});
    std::chrono::seconds timeout{0};
    engine.on_exec([&](const auto&, const auto&, std::chrono::seconds given) {
        timeout = given;
        return podman::ExecResult{};
    });
    recover(engine, temp.path(), {.until = SteadyClock::now() + std::chrono::seconds(10)});
    EXPECT_EQ(engine.calls(), (Calls{"unpause db", "exec db thaw"}));
    EXPECT_LE(timeout, std::chrono::seconds(10));
    EXPECT_TRUE(temp.files().empty());
}

TEST_F(HasteTest, AJournalThatCantBeReadIsNotOk) {
    std::filesystem::create_directory(temp.path() / "r1.journal");
    for (int i = 0; i < 2; ++i) { // it stays so
        const auto report = recover(engine, temp.path());
        EXPECT_FALSE(report.ok());
        ASSERT_EQ(report.warnings.size(), 1U);
        EXPECT_THAT(report.warnings[0], HasSubstr("r1.journal"));
    }
}

TEST_F(HasteTest, ADamagedJournalIsNotOkOnce) {
    put(temp.path() / "r1.journal", "nonsense\nmore\n");
    EXPECT_FALSE(recover(engine, temp.path()).ok());
    EXPECT_EQ(temp.files(), Calls{"r1.damaged-journal"});
    EXPECT_TRUE(recover(engine, temp.path()).ok());
}

} // namespace
} // namespace miraclemax::quiesce
