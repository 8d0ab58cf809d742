#include "quiesce/journal.hpp"

#include "error.hpp"
#include "unit/quiesce/scene.hpp"

#include <gmock/gmock.h>

#include <thread>

#include <csignal>

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace miraclemax::quiesce {
namespace {

mode_t mode_of(const std::filesystem::path& path) {
    struct stat facts {};
    ::stat(path.c_str(), &facts);
    return facts.st_mode & 07777U;
}

// Leaves the journal of a process that died after `act`.
void die_after(const std::filesystem::path& folder, const std::string& run,
               const std::function<void(Journal&)>& act) {
    const pid_t child = ::fork();
    if (child == 0) {
        Journal journal(folder, run);
        act(journal);
        ::_exit(0);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    ASSERT_EQ(status, 0);
}

Entry full_entry() {
    return {.id = "0123",
            .name = "db \"x\" \xff",
            .unit = "db.service",
            .act = Act::stop,
            .before = podman::State::running,
            .started_at = "2025-10-16T03:00:00.123456789Z",
            .after = {"psql", "-c", "line\nbreak }"},
            .stop_timeout = std::chrono::seconds(70),
            .hook_timeout = std::chrono::seconds(7),
            .stage = 3,
            .tried_pause = true};
}

TEST(JournalTest, IsPrivatePreallocatedAndGoneAfterwards) {
    const Folder temp;
    const auto folder = temp.path() / "state" / "journal";
    {
        Journal journal(folder, "r1");
        EXPECT_EQ(mode_of(folder), 0700U);
        EXPECT_EQ(mode_of(folder / "r1.journal"), 0600U);
        EXPECT_EQ(std::filesystem::file_size(folder / "r1.journal"), 64U * 1024U);
        EXPECT_TRUE(alive(folder, "r1"));
        EXPECT_TRUE(dead_journals(folder).empty());
        journal.intend({.id = "1", .name = "a"});
        journal.close(); // one is open: stays
        EXPECT_TRUE(std::filesystem::exists(folder / "r1.journal"));
        journal.done("1");
        journal.close();
        EXPECT_FALSE(std::filesystem::exists(folder / "r1.journal"));
        EXPECT_THROW(journal.intend({.id = "2", .name = "b"}), Error);
    }
    EXPECT_FALSE(alive(folder, "r1"));
}

TEST(JournalTest, LinesAreChecksumAndJson) {
    const Folder temp;
    Journal journal(temp.path(), "r1");
    const auto content = content_of(temp.path() / "r1.journal");
    // Checksum by python: zlib.crc32(b'{"run":"r1","t":"run","v":1}')
    EXPECT_EQ(content.substr(0, content.find('\0')), "5ce50b5b {\"run\":\"r1\",\"t\":\"run\",\"v\":1}\n");
}

TEST(JournalTest, EveryFieldSurvivesDeath) {
    const Folder temp;
    die_after(temp.path(), "r1", [](Journal& journal) {
        journal.intend({.id = "9", .name = "gone"});
        journal.intend(full_entry());
        journal.done("9");
    });
    EXPECT_FALSE(alive(temp.path(), "r1"));
    const auto dead = dead_journals(temp.path());
    ASSERT_EQ(dead.size(), 1U);
    EXPECT_EQ(dead[0].run(), "r1");
    EXPECT_FALSE(dead[0].damaged());
    ASSERT_EQ(dead[0].open().size(), 1U);
    const auto& entry = dead[0].open()[0];
    const auto wanted = full_entry();
    EXPECT_EQ(entry.id, wanted.id);
    EXPECT_EQ(entry.name, "db \"x\" \xef\xbf\xbd");
    EXPECT_EQ(entry.unit, wanted.unit);
    EXPECT_EQ(entry.act, wanted.act);
    EXPECT_EQ(entry.before, wanted.before);
    EXPECT_EQ(entry.started_at, wanted.started_at);
    EXPECT_EQ(entry.after, wanted.after);
    EXPECT_EQ(entry.stop_timeout, wanted.stop_timeout);
    EXPECT_EQ(entry.hook_timeout, wanted.hook_timeout);
    EXPECT_EQ(entry.stage, wanted.stage);
    EXPECT_EQ(entry.tried_pause, wanted.tried_pause);
}

TEST(JournalTest, LaterIntentReplacesTheFirst) {
    const Folder temp;
    die_after(temp.path(), "r1", [](Journal& journal) {
        journal.intend({.id = "1", .name = "a", .act = Act::pause});
        journal.intend({.id = "2", .name = "b", .act = Act::pause});
        journal.intend({.id = "1", .name = "a", .act = Act::stop});
    });
    const auto dead = dead_journals(temp.path());
    ASSERT_EQ(dead.at(0).open().size(), 2U);
    EXPECT_EQ(dead[0].open()[1].act, Act::stop);
}

TEST(JournalTest, GrowsBeyondItsFirstSpace) {
    const Folder temp;
    die_after(temp.path(), "r1", [](Journal& journal) {
        for (int i = 0; i < 20; ++i)
            journal.intend({.id = std::to_string(i), .name = std::string(8000, 'n')});
    });
    EXPECT_EQ(dead_journals(temp.path()).at(0).open().size(), 20U);
    EXPECT_EQ(std::filesystem::file_size(temp.path() / "r1.journal") % (64 * 1024), 0U);
}

TEST(JournalTest, ThreadsMayWriteAtOnce) {
    const Folder temp;
    die_after(temp.path(), "r1", [](Journal& journal) {
        std::vector<std::jthread> threads;
        for (int t = 0; t < 4; ++t)
            threads.emplace_back([&journal, t] {
                for (int i = 0; i < 10; ++i)
                    journal.intend({.id = std::to_string(100 * t + i), .name = "x"});
                journal.done(std::to_string(100 * t));
            });
    });
    const auto dead = dead_journals(temp.path());
    EXPECT_FALSE(dead.at(0).damaged());
    EXPECT_EQ(dead[0].open().size(), 36U);
}

TEST(JournalTest, OneRunHasOneJournal) {
    const Folder temp;
    const Journal journal(temp.path(), "r1");
    EXPECT_THROW(Journal(temp.path(), "r1"), Error);
    EXPECT_TRUE(alive(temp.path(), "r1"));
}

TEST(JournalTest, RefusesNamesThatAreNoFileNames) {
    const Folder temp;
    for (const char* name : {"", "..", "a/b", ".hidden"})
        EXPECT_THROW(Journal(temp.path(), name), Error) << name;
}

TEST(JournalTest, AFolderThatCantBeMadeIsAnError) {
    const Folder temp;
    put(temp.path() / "file", "x");
    EXPECT_THROW(Journal(temp.path() / "file", "r1"), Error);
    EXPECT_THROW(Journal("/dev/full", "r1"), Error);
    EXPECT_THROW(Journal("/proc/nowhere", "r1"), Error);
}

// A full disk: no file may grow beyond what is allowed here.
TEST(JournalTest, AFullDiskIsAnErrorBeforeAnyAct) {
    const Folder temp;
    const pid_t child = ::fork();
    if (child == 0) {
        ::signal(SIGXFSZ, SIG_IGN);
        const rlimit small{.rlim_cur = 80 * 1024, .rlim_max = 80 * 1024};
        ::setrlimit(RLIMIT_FSIZE, &small);
        Journal journal(temp.path(), "r1");
        for (int i = 0; i < 7; ++i)
            journal.intend({.id = std::to_string(i), .name = std::string(8000, 'n')});
        try {
            journal.intend({.id = "7", .name = std::string(9000, 'n')}); // would need 128 KiB
            ::_exit(1);
        } catch (const Error&) {
        }
        journal.done("0"); // the space that is left serves the release
        ::_exit(journal.open().size() == 6 ? 0 : 2);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    EXPECT_EQ(WEXITSTATUS(status), 0);
    const auto dead = dead_journals(temp.path());
    EXPECT_FALSE(dead.at(0).damaged());
    EXPECT_EQ(dead[0].open().size(), 6U);

    const pid_t other = ::fork();
    if (other == 0) {
        ::signal(SIGXFSZ, SIG_IGN);
        const rlimit none{.rlim_cur = 1024, .rlim_max = 1024};
        ::setrlimit(RLIMIT_FSIZE, &none);
        try {
            const Journal journal(temp.path(), "r2");
        } catch (const Error&) {
            ::_exit(std::filesystem::exists(temp.path() / "r2.journal") ? 3 : 0);
        }
        ::_exit(4);
    }
    ::waitpid(other, &status, 0);
    EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST(JournalTest, DescriptorIsCloseOnExec) {
    const Folder temp;
    const Journal journal(temp.path(), "r1");
    bool found = false;
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
        std::error_code ignored;
        if (std::filesystem::read_symlink(entry.path(), ignored) != temp.path() / "r1.journal")
            continue;
        found = true;
        EXPECT_NE(::fcntl(std::stoi(entry.path().filename().string()), F_GETFD) & FD_CLOEXEC, 0);
    }
    EXPECT_TRUE(found);
}

TEST(DeadJournalTest, DoneIsRememberedAndRemoveRemoves) {
    const Folder temp;
    die_after(temp.path(), "r1", [](Journal& journal) {
        journal.intend({.id = "1", .name = "a"});
        journal.intend({.id = "2", .name = "b"});
    });
    {
        auto dead = dead_journals(temp.path());
        EXPECT_TRUE(alive(temp.path(), "r1")); // this object holds it
        EXPECT_TRUE(dead_journals(temp.path()).empty());
        dead.at(0).done("1");
    }
    auto dead = dead_journals(temp.path());
    ASSERT_EQ(dead.at(0).open().size(), 1U);
    EXPECT_EQ(dead[0].open()[0].id, "2");
    dead[0].done("2");
    dead[0].remove();
    EXPECT_TRUE(temp.files().empty());
}

TEST(DeadJournalTest, TornTailIsNoDamageAndIsWipedBeforeWriting) {
    const Folder temp;
    die_after(temp.path(), "r1", [](Journal& journal) {
        journal.intend({.id = "1", .name = "a"});
        journal.intend({.id = "2", .name = "b"});
        journal.intend({.id = "3", .name = std::string(300, 'c')});
    });
    const auto path = temp.path() / "r1.journal";
    auto content = content_of(path);
    const auto end = content.find('\0');
    std::fill(content.begin() + static_cast<long>(end) - 20, content.end(), '\0');
    put(path, content);
    {
        auto dead = dead_journals(temp.path());
        EXPECT_FALSE(dead.at(0).damaged());
        ASSERT_EQ(dead[0].open().size(), 2U);
        dead[0].done("1");
    }
    const auto dead = dead_journals(temp.path());
    EXPECT_FALSE(dead.at(0).damaged());
    ASSERT_EQ(dead[0].open().size(), 1U);
    EXPECT_EQ(dead[0].open()[0].id, "2");
}

TEST(DeadJournalTest, DamageInTheMiddleHidesNothingBehindIt) {
    const Folder temp;
    die_after(temp.path(), "r1", [](Journal& journal) {
        journal.intend({.id = "1", .name = "aaaa"});
        journal.intend({.id = "2", .name = "bbbb"});
        journal.intend({.id = "3", .name = "cccc"});
    });
    const auto path = temp.path() / "r1.journal";
    auto content = content_of(path);
    content[content.find("bbbb")] = 'x';
    put(path, content);
    auto dead = dead_journals(temp.path());
    EXPECT_TRUE(dead.at(0).damaged());
    ASSERT_EQ(dead[0].open().size(), 2U);
    EXPECT_EQ(dead[0].open()[1].id, "3");
    dead[0].remove();
    EXPECT_EQ(temp.files(), std::vector<std::string>{"r1.damaged-journal"});
}

TEST(DeadJournalTest, OddFilesAreToldOrIgnoredNeverFatal) {
    const Folder temp;
    EXPECT_TRUE(dead_journals(temp.path() / "missing").empty());
    std::filesystem::create_directory(temp.path() / "dir.journal");
    std::filesystem::create_symlink("/etc/passwd", temp.path() / "link.journal");
    ::mkfifo((temp.path() / "pipe.journal").c_str(), 0600);
    put(temp.path() / "empty.journal", "");
    put(temp.path() / "noise.txt", "x");
    const auto dead = dead_journals(temp.path());
    std::vector<std::string> told;
    for (const auto& one : dead)
        told.push_back(one.run() + (one.damaged() ? " damaged" : ""));
    EXPECT_THAT(told, testing::ElementsAre("dir damaged", "empty", "link damaged", "pipe damaged"));
}

} // namespace
} // namespace miraclemax::quiesce
