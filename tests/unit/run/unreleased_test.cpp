#include "run/unreleased.hpp"

#include "quiesce/journal.hpp"
#include "quiesce/journal_file.hpp"
#include "run/status.hpp"
#include "unit/store/scratch.hpp"

#include <gmock/gmock.h>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

namespace miraclemax::run {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class Unreleased : public ::testing::Test {
protected:
    Unreleased() { settings_.state = scratch_ / "state"; }

    fs::path journal(const std::string& run) const { return settings_.journals() / (run + ".journal"); }
    void age(const fs::path& path) const {
        fs::last_write_time(path, fs::file_time_type::clock::now() - std::chrono::minutes(1));
    }
    // A run of that name dies, and leaves this behind.
    std::string dies(const std::vector<quiesce::Entry>& entries) {
        const auto pid = ::fork();
        if (pid == 0) {
            quiesce::Journal journal(settings_.journals(),
                                     "20251016-010000-" + std::to_string(::getpid()) + "-1");
            for (const auto& each : entries)
                journal.intend(each);
            ::_exit(0);
        }
        int status = 0;
        ::waitpid(pid, &status, 0);
        const auto run = "20251016-010000-" + std::to_string(pid) + "-1";
        age(journal(run));
        return run;
    }

    test::Scratch scratch_;
    Settings settings_;
};

TEST_F(Unreleased, IsWhatADeadRunLeftInItsJournal) {
    EXPECT_THAT(unreleased(settings_), IsEmpty()); // no folder yet
    const auto run = dies({{.id = "1", .name = "n8n"},
                           {.id = "2", .name = "db", .act = quiesce::Act::stop},
                           {.id = "3", .name = "looked-at", .act = quiesce::Act::none}});
    EXPECT_THAT(unreleased(settings_), ElementsAre("container n8n is not back: run " + run + " paused it",
                                                   "container db is not back: run " + run + " stopped it"));
    fs::last_write_time(journal(run), fs::file_time_type::clock::now());
    EXPECT_THAT(unreleased(settings_), IsEmpty()); // the daemon is about to
}

TEST_F(Unreleased, IsNotWhatALivingRunHolds) {
    int began[2]{}, may_end[2]{};
    ASSERT_EQ(::pipe(began) + ::pipe(may_end), 0);
    const auto pid = ::fork();
    if (pid == 0) {
        quiesce::Journal living(settings_.journals(), "living");
        living.intend({.id = "1", .name = "n8n"});
        ::close(began[0]), ::close(began[1]), ::close(may_end[1]);
        char byte = 0;
        (void)!::read(may_end[0], &byte, 1);
        ::_exit(0);
    }
    ::close(began[1]);
    char byte = 0;
    ASSERT_EQ(::read(began[0], &byte, 1), 0);
    age(journal("living"));
    EXPECT_THAT(unreleased(settings_), IsEmpty());
    const auto run = dies({{.id = "1", .name = "n8n"}, {.id = "2", .name = "db"}});
    EXPECT_THAT(unreleased(settings_), ElementsAre("container db is not back: run " + run + " paused it"));
    for (const int fd : {began[0], may_end[0], may_end[1]})
        ::close(fd);
    ::waitpid(pid, nullptr, 0);
    EXPECT_THAT(unreleased(settings_), SizeIs(2));
}

TEST_F(Unreleased, IsToldWhileARecoveryTriesInVain) {
    const auto run = dies({{.id = "1", .name = "n8n"}});
    const auto recovery = quiesce::JournalFile::lock(journal(run));
    ASSERT_TRUE(recovery);
    EXPECT_THAT(unreleased(settings_), ElementsAre(HasSubstr("n8n is not back")));
}

TEST_F(Unreleased, IsNotTakenFromRecordsNorFromAJournalThatWasPutAside) {
    fs::create_directories(settings_.journals());
    std::ofstream(settings_.journals() / "20251016-010000-77-2.damaged-journal") << "x";
    catalog::RunRecords(settings_.runs())
        .keep({.run = "20251016-010000-77-1",
               .kind = "backup",
               .began = "2025-10-16T01:00:00Z",
               .ended = "2025-10-16T01:05:00Z",
               .code = 10,
               .unreleased = {"n8n is paused still"}});
    settings_.backups = scratch_ / "backups";
    using namespace std::chrono;
    EXPECT_THAT(status_of(settings_, {}, {}, sys_days(2025y / 10 / 16) + 2h).unreleased, IsEmpty());
}

TEST_F(Unreleased, WhatCannotBeReadIsTold) {
    fs::create_directories(journal("r1"));
    age(journal("r1"));
    EXPECT_THAT(unreleased(settings_), ElementsAre(HasSubstr("what run r1 froze can't be told")));
    fs::remove_all(settings_.journals());
    std::ofstream(settings_.journals()) << "a file";
    EXPECT_THAT(unreleased(settings_), ElementsAre(HasSubstr("can't read the folder of journals")));
}

} // namespace
} // namespace miraclemax::run
