// A container that podman doesn't start on the restored data: its command lies in the volume, and the backup
// lacks it.
#include "unit/run/pair.hpp"
#include "unit/store/scratch.hpp"

#include <gmock/gmock.h>

#include <csignal>

namespace miraclemax::run {
namespace {

using fakes::FakeEngine;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr const char* podmans_words = "OCI runtime attempted to invoke a command that was not found";

class NotStarted : public Pair {
protected:
    NotStarted() {
        older = back_up().manifest.id;
        for (const auto* each : {"db", "files"})
            write(each, "file", "newer");
        write("data", "file", "of a neighbour");
        engine.on_call([&](FakeEngine::Moment moment, const std::string& call, const std::string& name) {
            if (moment == FakeEngine::Moment::before && call == "start")
                starts(name);
        });
    }
    void starts(const std::string& name) {
        if (die_at_start_of == name && read("files") == "newer")
            ::raise(SIGKILL);
        if (name == "server" && (never || read("db") == "content of db"))
            throw Error(ExitCode::podman, podmans_words);
    }
    RestoreResult restore_both(RestoreRequest request = {}) {
        request.components = {"db", "files"};
        return restore_all(request);
    }
    [[nodiscard]] std::vector<std::string> left_open() const {
        std::vector<std::string> names;
        for (const auto& journal : quiesce::leftovers(settings.journals()))
            for (const auto& entry : journal.open)
                names.push_back(entry.name);
        return names;
    }
    // In this process's engine all is as the dead one left it.
    void killed(const RestoreRequest& request) {
        const int status = test::in_child([&] {
            restore_both(request);
            return 1;
        });
        ASSERT_TRUE(WIFSIGNALED(status)) << "it went through";
        for (const auto* name : {"server", "web"})
            engine.stop(name, std::chrono::seconds(1));
    }

    std::string older;
    std::string die_at_start_of;
    bool never = false; // on no data at all
};

TEST_F(NotStarted, CountsAsUnhealthyAndTheOthersAreWaitedFor) {
    const auto result = restore_both();
    EXPECT_EQ(result.code, ExitCode::not_released);
    std::map<std::string, Health> health;
    for (const auto& each : result.health)
        health[each.container] = each;
    ASSERT_EQ(health.size(), 2U);
    EXPECT_FALSE(health["server"].good);
    EXPECT_THAT(health["server"].what, HasSubstr(podmans_words));
    EXPECT_TRUE(health["web"].good);
    ASSERT_EQ(result.unreleased.size(), 1U);
    EXPECT_THAT(result.unreleased.front(), HasSubstr("container server"));
    EXPECT_THAT(result.unreleased.front(), HasSubstr(podmans_words));
    EXPECT_THAT(result.unreleased.front(), HasSubstr("`miraclemax restore --undo --component db"));
    both_hold("content of db", "content of files");
    EXPECT_THAT(left_open(), ElementsAre("server"));
}

TEST_F(NotStarted, TakesTheOldDataBackWhereAsked) {
    const auto result = restore_both({.rollback_on_unhealthy = true});
    EXPECT_TRUE(result.rolled_back);
    EXPECT_EQ(result.code, ExitCode::unhealthy);
    EXPECT_THAT(result.unreleased, IsEmpty());
    both_hold("newer", "newer");
    both_are(podman::State::running);
    EXPECT_THAT(left_open(), IsEmpty());
}

TEST_F(NotStarted, OnTheOldDataEitherStaysInTheJournal) {
    never = true;
    const auto result = restore_both({.rollback_on_unhealthy = true});
    EXPECT_TRUE(result.rolled_back);
    EXPECT_EQ(result.code, ExitCode::not_released);
    ASSERT_EQ(result.unreleased.size(), 1U);
    EXPECT_THAT(result.unreleased.front(), HasSubstr("on the old data either"));
    both_hold("newer", "newer");
    EXPECT_EQ(engine.state("web"), podman::State::running);
    EXPECT_THAT(left_open(), ElementsAre("server"));
    never = false;
    EXPECT_TRUE(recover(settings, engine, {}).ok());
    both_are(podman::State::running);
}

TEST_F(NotStarted, AnUndoIsTheWayOut) {
    restore_both();
    EXPECT_THROW(back_up(), Error) << "it would let go of the old data";
    EXPECT_NO_THROW(undo_dead_runs(context())); // as the command does first
    undo_restore(context(), follower, {"db", "files"});
    both_hold("newer", "newer");
    both_are(podman::State::running);
    EXPECT_THAT(left_open(), IsEmpty());
}

TEST_F(NotStarted, AnUndoThatDoesNotBringItUpSaysSo) {
    restore_both();
    never = true;
    try {
        undo_restore(context(), follower, {"db", "files"});
        ADD_FAILURE() << "it went through";
    } catch (const Error& error) {
        EXPECT_EQ(error.code(), ExitCode::not_released);
        EXPECT_THAT(error.what(), HasSubstr(podmans_words));
    }
    both_hold("newer", "newer");
    EXPECT_THAT(left_open(), ElementsAre("server"));
}

TEST_F(NotStarted, ARestoreOfAnotherBackupIsAWayOutToo) {
    engine.on_call({});
    const auto newer = back_up().manifest.id;
    restore_both({.backup = older}); // starts: nobody minds
    engine.on_call([&](FakeEngine::Moment moment, const std::string& call, const std::string& name) {
        if (moment == FakeEngine::Moment::before && call == "start")
            starts(name);
    });
    ASSERT_EQ(restore_both({.backup = older}).code, ExitCode::not_released);
    undo_dead_runs(context());
    EXPECT_EQ(restore_both({.backup = newer}).code, ExitCode::ok);
    both_hold("newer", "newer");
    both_are(podman::State::running);
    EXPECT_THAT(left_open(), IsEmpty());
}

// Each group has its own: what one could not start is no trouble of the next.
TEST_F(NotStarted, LeavesTheNextGroupAlone) {
    const auto result = restore_all({.rollback_on_unhealthy = true});
    both_hold("newer", "newer");
    EXPECT_EQ(read("data"), "content of data");
    EXPECT_EQ(result.health.size(), 3U);
    EXPECT_EQ(engine.state("app"), podman::State::running);
    never = true;
    write("data", "file", "of a neighbour");
    const auto stuck = restore_all();
    EXPECT_EQ(stuck.unreleased.size(), 1U);
    EXPECT_EQ(stuck.health.size(), 3U);
    EXPECT_EQ(read("data"), "content of data");
}

TEST_F(NotStarted, KilledWhileTheOthersAreWaitedForIsInTheJournalYet) {
    follower.on_health = [](const Health&) { ::raise(SIGKILL); };
    killed({});
    follower.on_health = {};
    both_hold("content of db", "content of files");
    EXPECT_FALSE(recover(settings, engine, {}).ok()); // it does what can be done
    EXPECT_THAT(left_open(), ElementsAre("server"));
    engine.start("web"); // nobody stopped it any more
    undo_dead_runs(context());
    undo_restore(context(), follower, {"db", "files"});
    both_hold("newer", "newer");
    both_are(podman::State::running);
}

TEST_F(NotStarted, KilledWhileItIsRolledBackAllStartOnTheOldData) {
    die_at_start_of = "web";
    killed({.rollback_on_unhealthy = true});
    die_at_start_of.clear();
    EXPECT_TRUE(recover(settings, engine, {}).ok());
    both_hold("newer", "newer");
    both_are(podman::State::running);
    EXPECT_THAT(left_open(), IsEmpty());
}

} // namespace
} // namespace miraclemax::run
