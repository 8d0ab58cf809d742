// Who came up on a root in the middle of its renames made an entry that is in the way of the data.
#include "unit/run/pair.hpp"

#include <gmock/gmock.h>

#include <cstdlib>

namespace miraclemax::run {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

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
        std::string told;
        for (const auto& each : recovery.data)
            if (each.component == "files")
                told += each.what;
        EXPECT_THAT(told, HasSubstr((folder("files") / stray).string()));
        EXPECT_THAT(told, HasSubstr("--discard-old"));
    }
    void expect_let_go_of() {
        EXPECT_THAT(discard_old(context(), {}), ElementsAre("files"));
        expect_no_trace();
    }

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
    EXPECT_THAT(discard_old(context(), {}), ElementsAre("db", "files"));
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

#ifdef MIRACLEMAX_FAULT_POINTS

// By whose hand so ever: the worker's death ends its controller's settling too.
TEST_F(Strays, WhereverTheWorkerIsKilledNothingIsLost) {
    for (const char* phase : {"aside", "in"}) {
        const std::string whole = std::string(phase) == "in" ? "restored" : "content of ";
        for (const char* point : {"staging.stray", "staging.astray", "staging.strayed", "staging.move",
                                  "staging.moved", "staging.dropping"}) {
            SCOPED_TRACE(std::string(phase) + " " + point);
            leave({{"db", Step::swapped, true}, {"files", Step::swapping, false}});
            cut_off_files(phase);
            ::setenv("MIRACLEMAX_FAULT", (std::string(point) + ":kill").c_str(), 1);
            const auto cut = recover(settings, engine, {});
            ::unsetenv("MIRACLEMAX_FAULT");
            EXPECT_FALSE(cut.ok());
            const auto recovery = recover(settings, engine, {});
            EXPECT_TRUE(recovery.containers.ok());
            both_are(podman::State::running);
            both_hold(*phase == 'i' ? whole : whole + "db", *phase == 'i' ? whole : whole + "files");
            expect_kept();
            discard_old(context(), {});
            expect_no_trace();
            for (const auto* each : {"db", "files"})
                write(each, "file", std::string("content of ") + each);
        }
    }
}

#endif

} // namespace
} // namespace miraclemax::run
