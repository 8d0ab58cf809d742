// Who came up on a root in the middle of its renames made an entry that is in the way of the data.
#include "unit/run/pair.hpp"

#include <gmock/gmock.h>

#include <cstdlib>

namespace miraclemax::run {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

class Strays : public Pair {
protected:
    // The renames of a swap were cut off when its only entry lay in old/ or in new/, and "web" has made one
    // of its name.
    void cut_off_files(const std::string& phase) {
        archive::swap(site("files"));
        if (phase == "aside") {
            archive::exchange(site("files"));
            std::filesystem::rename(folder("files") / "file", staging("files") / "old/file");
        } else {
            std::filesystem::rename(folder("files") / "file", staging("files") / "new/file");
        }
        std::ofstream(staging("files") / "phase") << phase << "\n";
        write("files", "file", "a stranger");
    }
    void expect_kept() const { EXPECT_EQ(read("files", stray), "a stranger"); }
    void expect_told(const Recovery& recovery) const {
        EXPECT_FALSE(recovery.ok());
        EXPECT_TRUE(recovery.containers.ok());
        expect_named(recovery);
    }
    void expect_named(const Recovery& recovery) const {
        EXPECT_THAT(told(recovery), HasSubstr((folder("files") / stray).string()));
        EXPECT_THAT(told(recovery), HasSubstr("--discard-old"));
    }
    [[nodiscard]] static std::string told(const Recovery& recovery) {
        std::string told;
        for (const auto& each : recovery.data)
            if (each.component == "files")
                told += each.what;
        return told;
    }
    void expect_let_go_of() {
        EXPECT_THAT(discard_all(), ElementsAre("files"));
        expect_no_trace();
    }
    [[nodiscard]] std::vector<Aside> lying_there() const { return all_aside(RestoreRecords(settings), {}); }

    const std::string stray = ".miraclemax-dead-run/strays/1/file";
};

TEST_F(Strays, AreKeptAndNamedWhereTheOldDataComesBack) {
    leave({{"db", Step::swapped, true}, {"files", Step::swapping, false}});
    cut_off_files("aside");
    expect_told(recover(settings, engine, {}));
    both_hold("content of db", "content of files");
    both_are(podman::State::running);
    expect_kept();
    EXPECT_EQ(steps(), (std::map<std::string, Step>{{"files", Step::strays}}));
    EXPECT_TRUE(recover(settings, engine, {}).ok()) << "told once";
    EXPECT_EQ(back_up().code, ExitCode::ok);
    expect_kept();
    EXPECT_THROW(undo_restore(context(), follower, {}), Error);
    both_hold("content of db", "content of files");
    expect_let_go_of();
    both_hold("content of db", "content of files");
}

TEST_F(Strays, AreKeptAndNamedWhereTheNewDataIsFinished) {
    leave({{"db", Step::swapped, true}, {"files", Step::swapping, false}});
    cut_off_files("in");
    expect_told(recover(settings, engine, {}));
    both_hold("restored", "restored");
    both_are(podman::State::running);
    expect_kept();
    undo_restore(context(), follower, {});
    both_hold("content of db", "content of files");
    expect_kept();
    back_up(); // lets go of what lies aside
    EXPECT_EQ(steps(), (std::map<std::string, Step>{{"files", Step::strays}}));
    EXPECT_FALSE(std::filesystem::exists(staging("files") / "new"));
    expect_kept();
    expect_let_go_of();
}

TEST_F(Strays, GoWithTheOldDataWhereTheUserLetsGoOfIt) {
    leave({{"db", Step::swapped, true}, {"files", Step::swapping, false}});
    cut_off_files("in");
    recover(settings, engine, {});
    EXPECT_THAT(discard_all(), ElementsAre("db", "files"));
    both_hold("restored", "restored");
    expect_no_trace();
}

TEST_F(Strays, AreKeptWhereAnotherOfTheGroupTakesItBack) {
    leave({{"db", Step::staging, false}, {"files", Step::swapping, false}});
    cut_off_files("in");
    expect_told(recover(settings, engine, {}));
    both_hold("content of db", "content of files");
    expect_kept();
    expect_let_go_of();
}

TEST_F(Strays, OfAnyNameAreKeptWhereAnotherOfTheGroupTakesItBack) {
    leave({{"db", Step::staging, false}, {"files", Step::swapping, true}});
    write("files", "another", "a stranger");
    const auto recovery = recover(settings, engine, {});
    EXPECT_FALSE(recovery.ok());
    EXPECT_TRUE(recovery.containers.ok());
    both_hold("content of db", "content of files");
    EXPECT_THAT(names("files"), ElementsAre("file"));
    EXPECT_EQ(read("files", ".miraclemax-dead-run/strays/1/another"), "a stranger");
    expect_let_go_of();
}

TEST_F(Strays, AreNamedThoughAnotherOfTheGroupCanNotBeSettled) {
    leave({{"db", Step::swapping, true}, {"files", Step::swapping, false}});
    cut_off_files("in");
    std::ofstream(staging("db") / "phase") << "in\n";
    block("db");
    expect_named(recover(settings, engine, {}));
    EXPECT_THAT(told(recover(settings, engine, {})), Not(HasSubstr(stray))) << "told once";
}

// Killed before anybody was told, or failed on the way.
TEST_F(Strays, AreNamedWhoeverMovedThem) {
    for (const auto step : {Step::swapped, Step::strays}) {
        leave({{"db", Step::swapped, true}, {"files", Step::swapped, true}});
        RestoreRecords records(settings);
        auto record = records.all().front();
        find(record, "files").strays = {stray};
        find(record, "files").step = step;
        records.keep(record);
        expect_told(recover(settings, engine, {}));
        EXPECT_EQ(steps(), (std::map<std::string, Step>{{"db", Step::swapped}, {"files", step}}));
        EXPECT_TRUE(recover(settings, engine, {}).ok()) << "told once";
        discard_all();
        expect_no_trace();
    }
}

TEST_F(Strays, ThatCameAfterTheUserWasAskedStay) {
    leave({{"db", Step::swapped, true, "db"}, {"files", Step::swapping, false, "files"}});
    cut_off_files("in");
    const auto agreed = lying_there();
    recover(settings, engine, {});
    EXPECT_THAT(discard_old(context(), agreed), ElementsAre("db"));
    EXPECT_EQ(steps(), (std::map<std::string, Step>{{"files", Step::swapped}}));
    expect_kept();
}

TEST_F(Strays, OfAComponentThatChangedAfterTheUserWasAskedStay) {
    leave({{"db", Step::swapped, true, "db"}, {"files", Step::swapping, false, "files"}});
    cut_off_files("in");
    recover(settings, engine, {});
    const auto agreed = lying_there();
    undo_restore(context(), follower, {"files"});
    try {
        discard_old(context(), agreed);
        ADD_FAILURE() << "it has changed";
    } catch (const Error& error) {
        EXPECT_THAT(error.what(), HasSubstr("files (run dead-run)"));
    }
    EXPECT_EQ(steps(), (std::map<std::string, Step>{{"files", Step::undone}}));
    expect_kept();
}

#ifdef MIRACLEMAX_FAULT_POINTS

// By whose hand so ever: the worker's death ends its controller's settling too.
TEST_F(Strays, WhereverTheWorkerIsKilledNothingIsLost) {
    for (const char* phase : {"aside", "in"}) {
        const std::string whole = std::string(phase) == "in" ? "restored" : "content of ";
        for (const char* point : {"staging.stray", "staging.astray", "staging.strayed", "staging.move",
                                  "staging.moved", "staging.dropping"}) {
            if (*phase == 'i' && point == std::string("staging.dropping"))
                continue; // what is finished is not dropped
            SCOPED_TRACE(std::string(phase) + " " + point);
            leave({{"db", Step::swapped, true}, {"files", Step::swapping, false}});
            cut_off_files(phase);
            ::setenv("MIRACLEMAX_FAULT", (std::string(point) + ":kill").c_str(), 1);
            const auto cut = recover(settings, engine, {});
            ::unsetenv("MIRACLEMAX_FAULT");
            EXPECT_THAT(told(cut), HasSubstr("could not be put in order")) << "nobody was killed";
            expect_told(recover(settings, engine, {}));
            both_are(podman::State::running);
            both_hold(*phase == 'i' ? whole : whole + "db", *phase == 'i' ? whole : whole + "files");
            expect_kept();
            discard_all();
            expect_no_trace();
            for (const auto* each : {"db", "files"})
                write(each, "file", std::string("content of ") + each);
        }
    }
}

#endif

} // namespace
} // namespace miraclemax::run
