#include "unit/quiesce/window_scene.hpp"

#include "quiesce/recovery.hpp"
#include "stream/fault_point.hpp"

#include <gmock/gmock.h>

#include <atomic>
#include <thread>

#include <sys/wait.h>
#include <unistd.h>

namespace miraclemax::quiesce {
namespace {

using testing::ElementsAre;

TEST_F(WindowTest, FreezesInOrderAndReleasesTheOtherWay) {
    const auto db = add("db", Quiesce::stop);
    add("app", Quiesce::stop, {db});
    add("cache");
    const auto started = engine.look("cache").started_at;
    Window window(engine, *journal, plan());
    window.freeze(interrupt.get_token());
    EXPECT_EQ(engine.calls(), (Calls{"stop app", "stop db", "pause cache"}));
    EXPECT_EQ(journal->open().size(), 3U);
    EXPECT_FALSE(window.moved(group(), std::nullopt));
    engine.forget_calls();
    const auto report = window.release();
    EXPECT_EQ(engine.calls(), (Calls{"unpause cache", "start db", "start app"}));
    EXPECT_TRUE(report.warnings.empty()) << all_of(report.warnings);
    ASSERT_EQ(report.containers.size(), 3U);
    EXPECT_EQ(report.containers[0].name, "app");
    EXPECT_EQ(report.containers[0].how, Act::stop);
    EXPECT_EQ(report.containers[2].how, Act::pause);
    EXPECT_EQ(engine.look("cache").started_at, started);
    EXPECT_TRUE(journal->open().empty());
    expect_all_running();
}

TEST_F(WindowTest, IntentIsOnDiskBeforeEachAct) {
    add("a", Quiesce::stop);
    add("b");
    std::atomic<int> seen{0};
    engine.on_call([&](Moment moment, const std::string& call, const std::string& name) {
        if (moment == Moment::before && (call == "stop" || call == "pause")) {
            const auto held = held_by_living(temp.path());
            seen += held.count(engine.look(name).id) != 0 ? 1 : 100;
        }
    });
    Window window(engine, *journal, plan());
    window.freeze(interrupt.get_token());
    EXPECT_EQ(seen, 2);
    window.release();
    EXPECT_TRUE(held_by_living(temp.path()).empty());
}

TEST_F(WindowTest, TimesRunFromActToRelease) {
    add("a", Quiesce::stop);
    add("b");
    std::atomic<int> now{0};
    engine.on_call([&](Moment moment, const std::string& call, const std::string&) {
        if (moment == Moment::after &&
            (call == "stop" || call == "pause" || call == "unpause" || call == "start"))
            now += 100;
    });
    Window window(engine, *journal, plan(),
                  [&] { return std::chrono::steady_clock::time_point(milliseconds(now)); });
    EXPECT_FALSE(window.deadline());
    window.freeze(interrupt.get_token()); // stop a 0..100, pause b 100..200
    const auto report = window.release(); // unpause b ..300, start a ..400
    EXPECT_EQ(report.containers.at(0).time, milliseconds(400));
    EXPECT_EQ(report.containers.at(1).time, milliseconds(200));
    EXPECT_EQ(report.time, milliseconds(400));
}

TEST_F(WindowTest, DestructorReleases) {
    add("a", Quiesce::stop);
    add("b");
    {
        Window window(engine, *journal, plan());
        window.freeze(interrupt.get_token());
        EXPECT_EQ(engine.state("b"), State::paused);
    }
    expect_all_running();
    EXPECT_TRUE(journal->open().empty());
}

TEST_F(WindowTest, ARefusedPlanTouchesNothing) {
    add("a", Quiesce::stop);
    engine.change("a", [](auto& c) { c.auto_remove = true; });
    Window window(engine, *journal, plan());
    EXPECT_THAT(failure(window).what(), HasSubstr("a can't be stopped"));
    EXPECT_TRUE(engine.calls().empty());
}

TEST_F(WindowTest, AFailingPauseReleasesTheOthers) {
    add("a", Quiesce::pause);
    add("b", Quiesce::pause);
    engine.fail_next("pause", "b", Error(ExitCode::podman, "no freezer"));
    Window window(engine, *journal, plan());
    const auto error = failure(window);
    EXPECT_STREQ(error.what(), "container b: no freezer");
    EXPECT_EQ(error.code(), ExitCode::podman);
    expect_all_running();
}

TEST_F(WindowTest, AutoStopsWherePausingIsRefused) {
    add("a");
    engine.fail_next("pause", "a", Error(ExitCode::podman, "no freezer"));
    Window window(engine, *journal, plan());
    window.freeze(interrupt.get_token());
    EXPECT_EQ(engine.state("a"), State::exited);
    EXPECT_EQ(journal->open().at(0).act, Act::stop);
    EXPECT_TRUE(journal->open().at(0).tried_pause);
    EXPECT_EQ(window.release().containers.at(0).how, Act::stop);
    expect_all_running();
}

TEST_F(WindowTest, AutoRemoveIsNeverStoppedEvenThen) {
    add("a");
    auto made = plan(); // before it was known
    engine.change("a", [](auto& c) { c.auto_remove = true; });
    engine.fail_next("pause", "a", Error(ExitCode::podman, "no freezer"));
    Window window(engine, *journal, std::move(made));
    EXPECT_THAT(failure(window).what(), HasSubstr("no freezer"));
    EXPECT_EQ(engine.calls(), Calls{"pause a"});
}

TEST_F(WindowTest, LostAnswersCountByTheState) {
    add("a");
    add("b", Quiesce::stop);
    engine.fail_next("pause", "a", Error(ExitCode::podman, "timeout"), 1, fakes::FakeEngine::Effect::done);
    engine.fail_next("stop", "b", Error(ExitCode::podman, "timeout"), 1, fakes::FakeEngine::Effect::done);
    Window window(engine, *journal, plan());
    window.freeze(interrupt.get_token());
    EXPECT_FALSE(window.moved(group(), std::nullopt));
    window.release();
    EXPECT_EQ(engine.calls(), (Calls{"stop b", "pause a", "unpause a", "start b"}));
}

TEST_F(WindowTest, APauseThatTakesEffectLateIsUndone) {
    add("a", Quiesce::pause);
    std::jthread late;
    engine.on_call([&](Moment moment, const std::string& call, const std::string&) {
        if (moment == Moment::before && call == "pause")
            late = std::jthread([&] {
                std::this_thread::sleep_for(milliseconds(100));
                engine.change("a", [](auto& c) { c.state = State::paused; });
            });
    });
    engine.fail_next("pause", "a", Error(ExitCode::podman, "timeout"));
    Window window(engine, *journal, plan());
    failure(window);
    late.join();
    expect_all_running();
}

TEST_F(WindowTest, AStopCutInTheMiddleIsRepaired) {
    add("a", Quiesce::stop);
    engine.interrupt_next_stop("a");
    Window window(engine, *journal, plan());
    window.freeze(interrupt.get_token());
    EXPECT_EQ(engine.state("a"), State::exited);
    window.release();
    expect_all_running();
}

TEST_F(WindowTest, WhatMovedSinceThePlanIsNotTouched) {
    add("a");
    for (int kind = 0; kind < 3; ++kind) {
        auto made = plan();
        engine.change("a", [&](auto& c) {
            if (kind == 0)
                c.started_at = "later";
            if (kind == 1)
                c.state = State::exited;
        });
        if (kind == 2)
            engine.recreate("a");
        Window window(engine, *journal, std::move(made));
        EXPECT_THAT(failure(window).what(), HasSubstr("since the plan was made"));
        EXPECT_TRUE(engine.calls().empty()) << kind;
        engine.change("a", [](auto& c) { c.state = State::running; });
    }
}

TEST_F(WindowTest, MaxFreezeReleasesEverything) {
    add("a", Quiesce::stop);
    add("b");
    components[0].max_freeze = milliseconds(500);
    std::atomic<int> now{0};
    engine.on_call([&](Moment moment, const std::string& call, const std::string&) {
        if (moment == Moment::after && call == "stop")
            now += 501;
    });
    Window window(engine, *journal, plan(),
                  [&] { return std::chrono::steady_clock::time_point(milliseconds(now)); });
    const auto error = failure(window);
    EXPECT_THAT(error.what(), HasSubstr("max-freeze (500 ms)"));
    EXPECT_EQ(engine.calls(), (Calls{"stop a", "start a"}));
    EXPECT_EQ(window.deadline()->time_since_epoch(), milliseconds(500));
}

TEST_F(WindowTest, InterruptDoesNotHoldTheOthersWhileAStopWaits) {
    add("quick", Quiesce::stop);
    add("slow", Quiesce::stop);
    std::atomic<bool> quick_is_back{false};
    engine.on_call([&](Moment moment, const std::string& call, const std::string& name) {
        if (moment == Moment::after && call == "start" && name == "quick")
            quick_is_back = true;
        if (moment == Moment::before && call == "stop" && name == "slow") {
            while (engine.state("quick") != State::exited)
                std::this_thread::sleep_for(milliseconds(1));
            interrupt.request_stop();
            for (int i = 0; i < 5000 && !quick_is_back; ++i)
                std::this_thread::sleep_for(milliseconds(1));
        }
    });
    Window window(engine, *journal, plan());
    EXPECT_EQ(failure(window).code(), ExitCode::interrupted);
    EXPECT_TRUE(quick_is_back);
    expect_all_running();
}

TEST_F(WindowTest, InterruptedBeforehandTouchesNothing) {
    add("a");
    interrupt.request_stop();
    Window window(engine, *journal, plan());
    EXPECT_EQ(failure(window).code(), ExitCode::interrupted);
    EXPECT_TRUE(engine.calls().empty());
}

TEST_F(WindowTest, HooksRunOutsideTheFreeze) {
    hooks[add("a")] = {.before = {"flush"}, .after = {"thaw"}};
    hooks[add("b", Quiesce::none)] = {.before = {"hold"}, .after = {"go"}};
    Window window(engine, *journal, plan());
    window.freeze(interrupt.get_token());
    EXPECT_FALSE(window.moved(group(), std::nullopt));
    EXPECT_EQ(journal->open().size(), 2U);
    const auto report = window.release();
    EXPECT_EQ(engine.calls(),
              (Calls{"exec a flush", "exec b hold", "pause a", "unpause a", "exec a thaw", "exec b go"}));
    EXPECT_EQ(report.containers.size(), 1U);
    EXPECT_TRUE(journal->open().empty());
}

TEST_F(WindowTest, AFailingBeforeHookFreezesNothingAndOwesTheAfterHooks) {
    hooks[add("a")] = {.before = {"flush"}, .after = {"thaw"}};
    hooks[add("b")] = {.before = {"hold"}, .after = {"go"}};
    hooks[add("c")] = {.before = {"never"}, .after = {"never"}};
    engine.on_exec([](const auto&, const auto& argv, auto) {
        return podman::ExecResult{.exit_code = argv[0] == "hold" ? 4 : 0, .output = "disk\x1b full\n"};
    });
    Window window(engine, *journal, plan());
    EXPECT_STREQ(failure(window).what(), "container b: before-hook of b ended with 4: disk? full");
    EXPECT_EQ(engine.calls(), (Calls{"exec a flush", "exec b hold", "exec a thaw", "exec b go"}));
}

TEST_F(WindowTest, AFailingAfterHookIsAWarning) {
    hooks[add("a")] = {.before = {}, .after = {"thaw"}};
    engine.fail_next("exec", "a", Error(ExitCode::podman, "exec timed out"));
    Window window(engine, *journal, plan());
    window.freeze(interrupt.get_token());
    EXPECT_THAT(window.release().warnings, ElementsAre("exec timed out"));
    EXPECT_TRUE(journal->open().empty());
}

TEST_F(WindowTest, WhatCantBePutBackIsNamedAndStaysInTheJournal) {
    add("a", Quiesce::stop);
    add("b", Quiesce::stop);
    Window window(engine, *journal, plan());
    window.freeze(interrupt.get_token());
    engine.fail_next("start", "a", Error(ExitCode::podman, "port in use"), 3);
    try {
        window.release();
        FAIL();
    } catch (const Error& error) {
        EXPECT_EQ(error.code(), ExitCode::not_released);
        EXPECT_STREQ(error.what(), "container a could not be put back: port in use");
        EXPECT_THAT(error.remedy(), HasSubstr("podman start a"));
    }
    EXPECT_EQ(engine.state("b"), State::running);
    ASSERT_EQ(journal->open().size(), 1U);
    EXPECT_EQ(journal->open()[0].name, "a");
    EXPECT_EQ(window.release().containers.size(), 2U); // once more
    expect_all_running();
    EXPECT_TRUE(journal->open().empty());
}

TEST_F(WindowTest, WithoutAJournalNothingIsFrozen) {
    add("a");
    journal->close();
    Window window(engine, *journal, plan());
    EXPECT_THAT(failure(window).what(), HasSubstr("journal"));
    EXPECT_TRUE(engine.calls().empty());
}

TEST_F(WindowTest, ManyContainersAreFrozenAndReleased) {
    for (int i = 0; i < 40; ++i)
        add("c" + std::to_string(i));
    Window window(engine, *journal, plan());
    window.freeze(interrupt.get_token());
    for (const auto& container : engine.containers())
        EXPECT_EQ(container.state, State::paused);
    EXPECT_EQ(window.release().containers.size(), 40U);
    expect_all_running();
}

// Killed at every point of a freeze and release. The engine lives in the child, which tells each act that
// took effect by a byte in a pipe; so the parent can bring its own engine to where the child's was.
#ifdef MIRACLEMAX_FAULT_POINTS
TEST_F(WindowTest, KilledAnywhereItIsRecovered) {
    hooks[add("a")] = {.before = {"flush"}, .after = {"thaw"}};
    add("b", Quiesce::stop);
    bool ended = false;
    int point = 1;
    for (; !ended && point < 200; ++point) {
        const auto made = plan(); // recovery may have started b anew
        int ends[2];
        ASSERT_EQ(::pipe(ends), 0);
        const pid_t child = ::fork();
        if (child == 0) {
            ::setenv("MIRACLEMAX_FAULT", (std::to_string(point) + ":kill").c_str(), 1);
            stream::reload_fault_plan();
            engine.on_call([&](Moment moment, const std::string& call, const std::string& name) {
                const char upper = call == "pause" || call == "stop" ? 'D' : 'U';
                const char byte[2] = {name[0], upper};
                if (moment == Moment::after && (upper == 'D' || call == "unpause" || call == "start"))
                    static_cast<void>(::write(ends[1], byte, 2) == 2);
            });
            try {
                Journal own(temp.path(), "dies");
                Window window(engine, own, made);
                window.freeze(interrupt.get_token());
                window.release();
                own.close();
            } catch (...) {
                ::_exit(1);
            }
            ::_exit(0);
        }
        ::close(ends[1]);
        char told[2];
        while (::read(ends[0], told, 2) == 2)
            engine.change(told[0] == 'a' ? "a" : "b", [&](auto& c) {
                c.state = told[1] == 'U' ? State::running : told[0] == 'a' ? State::paused : State::exited;
            });
        ::close(ends[0]);
        int status = 0;
        ::waitpid(child, &status, 0);
        ended = WIFEXITED(status);
        EXPECT_TRUE(!ended || WEXITSTATUS(status) == 0) << point;
        EXPECT_TRUE(recover(engine, temp.path()).ok()) << point;
        expect_all_running();
        EXPECT_EQ(temp.files(), Calls{"r1.journal"}) << point; // the fixture's own
    }
    EXPECT_TRUE(ended);
    EXPECT_GT(point, 15);
}
#endif

} // namespace
} // namespace miraclemax::quiesce
