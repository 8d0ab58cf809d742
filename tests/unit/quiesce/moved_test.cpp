// What Window::moved() notices, and how long things may take.
#include "unit/quiesce/window_scene.hpp"

#include <atomic>
#include <thread>

namespace miraclemax::quiesce {
namespace {

TEST_F(WindowTest, MovedTellsWhatChanged) {
    add("a");
    add("b", Quiesce::stop);
    add("calm", Quiesce::none);
    Window window(engine, *journal, plan());
    window.freeze(interrupt.get_token());
    EXPECT_FALSE(window.moved(group(), std::nullopt));
    engine.unpause("a");
    EXPECT_THAT(window.moved(group(), std::nullopt).value_or(""),
                HasSubstr("a was paused, and is running now"));
    engine.pause("a");
    EXPECT_FALSE(window.moved(group(), std::nullopt));
    engine.change("a", [](auto& c) { c.started_at = "later"; });
    EXPECT_THAT(window.moved(group(), std::nullopt).value_or(""), HasSubstr("started anew"));
    engine.change("a", [&](auto& c) { c.started_at = journal->open().at(1).started_at; });
    EXPECT_FALSE(window.moved(group(), std::nullopt));
    const auto wanted = group();
    engine.add_container(a_container("new", "b"));
    EXPECT_THAT(window.moved(wanted, std::nullopt).value_or(""), HasSubstr("new writes to b"));
    EXPECT_FALSE(window.moved(wanted, engine.look("new").id)); // unless it is the sidecar
    engine.vanish("new");
    engine.recreate("b");
    EXPECT_THAT(window.moved(wanted, std::nullopt).value_or(""), HasSubstr("b was replaced"));
}

TEST_F(WindowTest, AWriterThatStartedAndEndedInBetweenMoved) {
    add("a");
    add("job");
    add("calm", Quiesce::none);
    for (const char* name : {"job", "calm"})
        engine.change(name, [](auto& c) { c.state = State::exited; });
    const auto wanted = group();
    Window window(engine, *journal, plan());
    window.freeze(interrupt.get_token());
    EXPECT_FALSE(window.moved(wanted, std::nullopt));
    engine.change("calm", [](auto& c) { c.started_at = "later"; });
    auto made = a_container("made", "a");
    made.state = State::created;
    made.started_at = "0001-01-01T00:00:00Z";
    engine.add_container(made);
    EXPECT_FALSE(window.moved(wanted, std::nullopt));
    engine.change("made", [](auto& c) { c.started_at = "later"; });
    EXPECT_THAT(window.moved(wanted, std::nullopt).value_or(""), HasSubstr("made was started while a"));
    engine.vanish("made");
    engine.change("job", [](auto& c) { c.started_at = "later"; });
    EXPECT_THAT(window.moved(wanted, std::nullopt).value_or(""), HasSubstr("job was started while job"));
}

TEST_F(WindowTest, ListingMustNotHoldTheFreeze) {
    add("a");
    std::atomic<int> now{0};
    const auto clock = [&] { return std::chrono::steady_clock::time_point(milliseconds(now)); };
    {
        Window window(engine, *journal, plan(), clock);
        window.freeze(interrupt.get_token());
        EXPECT_FALSE(window.moved(group(), std::nullopt));
        EXPECT_EQ(engine.last_limits().each, std::chrono::seconds(5));
        EXPECT_EQ(engine.last_limits().all, milliseconds(0));
    }
    components[0].max_freeze = milliseconds(500);
    Window window(engine, *journal, plan(), clock);
    const auto wanted = group();
    window.freeze(interrupt.get_token());
    now = 200;
    EXPECT_FALSE(window.moved(wanted, std::nullopt));
    EXPECT_EQ(engine.last_limits().all, milliseconds(300));
    now = 500;
    EXPECT_THROW(static_cast<void>(window.moved(wanted, std::nullopt)), Error);
}

TEST_F(WindowTest, TheReportIsThereAlsoWhenReleasingFailed) {
    add("a", Quiesce::stop);
    add("b", Quiesce::stop);
    std::atomic<int> now{0};
    Window window(engine, *journal, plan(),
                  [&] { return std::chrono::steady_clock::time_point(milliseconds(now)); });
    window.freeze(interrupt.get_token());
    now = 100;
    EXPECT_EQ(window.report().time, milliseconds(100));
    engine.fail_next("start", "a", Error(ExitCode::podman, "port in use"), 3);
    EXPECT_THROW(window.release(), Error);
    now = 300;
    const auto report = window.report();
    ASSERT_EQ(report.containers.size(), 2U);
    EXPECT_EQ(report.containers[0].time, milliseconds(300)); // it still is
    EXPECT_EQ(report.containers[1].time, milliseconds(100));
    EXPECT_EQ(report.time, milliseconds(300));
    window.release();
    now = 900;
    EXPECT_EQ(window.report().time, milliseconds(300));
}

TEST_F(WindowTest, WatchingForALatePauseIsNoFreeze) {
    const auto db = add("db");
    add("app", Quiesce::stop, {db});
    engine.fail_next("pause", "db", Error(ExitCode::podman, "no freezer"));
    std::atomic<bool> late{false};
    std::jthread podman;
    engine.on_call([&](Moment moment, const std::string& call, const std::string& name) {
        if (moment == Moment::after && call == "start" && name == "app")
            podman = std::jthread([&] { // the pause takes effect after all
                std::this_thread::sleep_for(milliseconds(100));
                engine.change("db", [](auto& c) { c.state = State::paused; });
                late = true;
            });
    });
    Window window(engine, *journal, plan());
    window.freeze(interrupt.get_token());
    ASSERT_EQ(engine.state("db"), State::exited);
    window.release();
    EXPECT_TRUE(late);
    expect_all_running();
    EXPECT_TRUE(journal->open().empty());
}

TEST_F(WindowTest, TimesDoNotCountTheWatching) {
    add("a");
    engine.fail_next("pause", "a", Error(ExitCode::podman, "no freezer"));
    Window window(engine, *journal, plan());
    window.freeze(interrupt.get_token());
    EXPECT_LT(window.release().time, milliseconds(250)); // the watching takes 300
}

} // namespace
} // namespace miraclemax::quiesce
