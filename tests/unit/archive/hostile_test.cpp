// Trees that move, refuse, or are built to harm.
#include "archive/walk.hpp"
#include "error.hpp"
#include "unit/archive/tree.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <sstream>
#include <thread>

#include <fcntl.h>
#include <grp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <linux/capability.h>
#include <sys/syscall.h>

namespace fs = std::filesystem;
using testing::HasSubstr;

namespace miraclemax::archive::test {
namespace {

class Hostile : public testing::Test {
protected:
    TempFolder temp;
    fs::path tree = temp / "tree";
    void SetUp() override { fs::create_directory(tree); }
};

// Folder below folder, by descriptors, since the path is too long for a call.
int deepen(const fs::path& root, int levels, const std::string& name) {
    int at = open(root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (int i = 0; i < levels; ++i) {
        EXPECT_EQ(mkdirat(at, name.c_str(), 0755), 0);
        const int next = openat(at, name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        const int file = openat(at, "zz", O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
        close(file);
        close(at);
        at = next;
    }
    const int file = openat(at, "bottom", O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
    EXPECT_EQ(write(file, "gold", 4), 4);
    close(file);
    return at;
}

TEST_F(Hostile, DeeperThanAnyPath) {
    close(deepen(tree, 2000, "deep"));
    const Made made = make(tree);
    EXPECT_EQ(made.result.tally.entries, 1U + 2000 + 2000 + 1);
    EXPECT_EQ(made.report, "");
    const auto names = listing(made.tar);
    EXPECT_EQ(names.size(), 4002U);
    const auto bottom =
        std::find_if(names.begin(), names.end(), [](const auto& n) { return n.ends_with("/bottom"); });
    ASSERT_NE(bottom, names.end());
    EXPECT_EQ(bottom->size(), 4 + 2000 * 5 + 7U);
    EXPECT_EQ(names.back(), "data/zz");
}

TEST_F(Hostile, DeepTreesAreRestoredByTar) {
    close(deepen(tree, 400, "ninechars"));
    const auto before = snapshot(tree);
    const Made made = make(tree);
    EXPECT_EQ(extract(made.tar, temp / "o").output, "");
    expect_same(before, snapshot(temp / "o/data"));
}

TEST_F(Hostile, FewDescriptors) {
    close(deepen(tree, 300, "d"));
    EXPECT_TRUE(in_child([&] {
        const rlimit limit{.rlim_cur = 100, .rlim_max = 100};
        setrlimit(RLIMIT_NOFILE, &limit);
        return make(tree).result.tally.entries == 602;
    }));
}

// A folder moved elsewhere while the walk is deep below it: what is met must still be of this tree.
TEST_F(Hostile, FolderMovedAwayInTheMiddle) {
    fs::create_directories(temp / "outside");
    put(temp / "outside/zz", "canary");
    close(deepen(tree / "", 100, "d"));
    const fs::path middle = tree / "d/d/d/d/d/d/d/d/d/d"; // its parent's descriptor is closed by then
    stream::StringSink tar, inventory, report;
    bool moved = false;
    struct Mover : stream::Sink {
        std::function<void()> act;
        stream::Sink& next;
        Mover(std::function<void()> a, stream::Sink& n) : act(std::move(a)), next(n) {}
        void write(stream::Bytes bytes) override {
            act();
            next.write(bytes);
        }
        void finish() override {}
    };
    // The inventory's buffer is written when it is full: the names are long enough for that to happen deep
    // below.
    for (int i = 0; i < 600; ++i) {
        fs::path deep = tree;
        for (int level = 0; level < 90; ++level)
            deep /= "d";
        put(deep / (std::string(100, 'a') + std::to_string(i)), "x");
    }
    Mover mover(
        [&] {
            if (!std::exchange(moved, true))
                fs::rename(middle, temp / "outside/middle");
        },
        inventory);
    const Result result =
        write_archive({.root = tree, .prefix = "data", .exclude = {}, .trusted_xattrs = false},
                      {.tar = tar, .inventory = mover, .report = report}, {});
    ASSERT_TRUE(moved);
    EXPECT_EQ(tar.content().find("canary"), std::string::npos);
    EXPECT_GE(result.tally.changed, 1U);
    EXPECT_EQ(listing(tar.content()).back(), "data/zz"); // what lies above goes on
}

TEST_F(Hostile, SymlinkSwappedForAFolder) {
    fs::create_directories(temp / "outside/secret");
    put(temp / "outside/secret/f", "canary");
    put(temp / "outside/f", "canary");
    fs::create_directories(tree / "d");
    put(tree / "d/f", "good");
    put(tree / "f", "good");
    fs::create_symlink(temp / "outside", temp / "link");
    fs::create_symlink(temp / "outside/f", temp / "link f");
    std::atomic<bool> stop{false};
    std::thread swapper([&] {
        while (!stop) {
            syscall(SYS_renameat2, AT_FDCWD, (tree / "d").c_str(), AT_FDCWD, (temp / "link").c_str(), 2);
            syscall(SYS_renameat2, AT_FDCWD, (tree / "f").c_str(), AT_FDCWD, (temp / "link f").c_str(), 2);
        }
    });
    for (int i = 0; i < 60; ++i) {
        const Made made = make(tree);
        EXPECT_EQ(made.tar.find("canary"), std::string::npos);
        for (const auto& name : listing(made.tar))
            EXPECT_TRUE(name == "data/" || name == "data/d" || name == "data/d/" || name == "data/d/f" ||
                        name == "data/f")
                << name;
    }
    stop = true;
    swapper.join();
}

// A thread that changes files all the time. Whether one is caught in the act is for the scheduler to say, so
// it is tried until it was; each time, what is not named has to be whole.
TEST_F(Hostile, FilesThatMoveNeverHarmTheOthers) {
    for (int i = 0; i < 100; ++i)
        put(tree / ("still" + std::to_string(i)), std::string(1000, 's') + std::to_string(i));
    put(tree / "moves", std::string(100, 'g'));
    put(tree / "shrinks", std::string(6 << 20, 'h'));
    std::atomic<bool> stop{false};
    std::thread mover([&] {
        const int moves = open((tree / "moves").c_str(), O_WRONLY | O_CLOEXEC);
        const int shrinks = open((tree / "shrinks").c_str(), O_WRONLY | O_CLOEXEC);
        for (unsigned i = 0; !stop; ++i) {
            (void)!pwrite(moves, i % 2 != 0 ? "G" : "g", 1, i % 100);
            (void)!ftruncate(shrinks, i % 2 != 0 ? 6 << 20 : 100);
            fs::rename(tree / "still0", tree / "still0x");
            fs::rename(tree / "still0x", tree / "still0");
            put(tree / "tmp", "t");
            fs::remove(tree / "tmp");
        }
        close(moves);
        close(shrinks);
    });
    bool moved = false, shrank = false;
    for (int attempt = 0; attempt < 100 && !(moved && shrank); ++attempt) {
        const Made made = make(tree);
        moved |= made.report.find("\"data/moves\", \"what\": \"changed\"") != std::string::npos;
        shrank |= made.report.find("\"data/shrinks\", \"what\": \"changed\"") != std::string::npos;
        const fs::path out = temp / ("out" + std::to_string(attempt));
        const Ran ran = extract(made.tar, out);
        ASSERT_EQ(ran.output, "");
        ASSERT_EQ(ran.status, 0);
        for (int i = 1; i < 100; ++i) {
            const std::string name = "still" + std::to_string(i);
            ASSERT_EQ(get(out / "data" / name), std::string(1000, 's') + std::to_string(i));
            ASSERT_EQ(made.report.find("\"data/" + name + "\""), std::string::npos);
        }
        const auto size = fs::file_size(out / "data/shrinks");
        ASSERT_TRUE(size == 100 || size == 6 << 20) << size;
        // The inventory is of what the archive holds, moved or not.
        ASSERT_EQ(mtree(made.inventory, out / "data", temp), "");
    }
    stop = true;
    mover.join();
    EXPECT_TRUE(moved);
    EXPECT_TRUE(shrank);
}

TEST_F(Hostile, ABigFileThatMovesInEveryTry) {
    put(tree / "big", std::string(24 << 20, 'a'));
    put(tree / "later", "whole");
    int moves = 0;
    stream::StringSink tar, inventory, report;
    const Result result =
        write_archive({.root = tree, .prefix = "data", .exclude = {}, .trusted_xattrs = false},
                      {.tar = tar, .inventory = inventory, .report = report}, [&](const Tally&) {
                          ++moves;
                          fs::resize_file(tree / "big", moves % 2 != 0 ? 9 << 20 : 24 << 20);
                      });
    EXPECT_GE(moves, 2);
    EXPECT_EQ(result.tally.changed, 1U);
    EXPECT_EQ(result.tally.files, 2U);
    EXPECT_THAT(report.content(), HasSubstr("{\"entry\": \"data/big\", \"what\": \"changed\""));
    EXPECT_EQ(extract(tar.content(), temp / "out").output, "");
    EXPECT_EQ(get(temp / "out/data/later"), "whole");
    EXPECT_EQ(mtree(inventory.content(), temp / "out/data", temp), "");
}

// Each entry counts once, however often it was read.
TEST_F(Hostile, ABigFileThatMovedOnceIsThereWhole) {
    put(tree / "big", std::string(8 << 20, 'a'));
    std::string content(8 << 20, 'z');
    bool moved = false;
    stream::StringSink tar, inventory, report;
    const Result result =
        write_archive({.root = tree, .prefix = "data", .exclude = {}, .trusted_xattrs = false},
                      {.tar = tar, .inventory = inventory, .report = report}, [&](const Tally&) {
                          if (!std::exchange(moved, true))
                              put(tree / "big", content);
                      });
    ASSERT_TRUE(moved);
    EXPECT_EQ(result.tally.changed, 0U) << report.content();
    EXPECT_EQ(result.tally.files, 1U);
    EXPECT_EQ(listing(tar.content()), (std::vector<std::string>{"data/", "data/big", "data/big"}));
    extract(tar.content(), temp / "out");
    EXPECT_EQ(get(temp / "out/data/big"), content);
    EXPECT_EQ(mtree(inventory.content(), temp / "out/data", temp), "");
}

TEST_F(Hostile, VanishedFromAListing) {
    for (int i = 0; i < 1400; ++i)
        put(tree / ("f" + std::to_string(10000 + i)), "x");
    bool removed = false;
    stream::StringSink tar, inventory, report;
    const Result result =
        write_archive({.root = tree, .prefix = "data", .exclude = {}, .trusted_xattrs = false},
                      {.tar = tar, .inventory = inventory, .report = report}, [&](const Tally& tally) {
                          if (tally.entries >= 1000 && !std::exchange(removed, true))
                              for (int i = 1300; i < 1310; ++i)
                                  fs::remove(tree / ("f" + std::to_string(10000 + i)));
                      });
    ASSERT_TRUE(removed);
    EXPECT_EQ(result.tally.vanished, 10U);
    EXPECT_EQ(result.tally.changed, 1U); // the folder
    EXPECT_EQ(result.tally.files, 1390U);
    EXPECT_THAT(report.content(), HasSubstr("{\"entry\": \"data/f11300\", \"what\": \"vanished\""));
    EXPECT_EQ(listing(tar.content()).size(), 1391U);
}

bool drop_to_nobody() {
    return setgroups(0, nullptr) == 0 && setresgid(65534, 65534, 65534) == 0 &&
           setresuid(65534, 65534, 65534) == 0;
}

TEST_F(Hostile, UnreadableIsNamedAndTheRestIsThere) {
    if (getuid() != 0)
        GTEST_SKIP() << "needs root";
    ASSERT_EQ(chmod(temp.path().c_str(), 0755), 0);
    put(tree / "closed", "x");
    ASSERT_EQ(chmod((tree / "closed").c_str(), 0), 0);
    fs::create_directory(tree / "locked");
    put(tree / "locked/in", "x");
    ASSERT_EQ(chmod((tree / "locked").c_str(), 0700), 0);
    fs::create_directory(tree / "listed"); // names can be read, but nothing else
    put(tree / "listed/in", "x");
    ASSERT_EQ(chmod((tree / "listed").c_str(), 0744), 0);
    put(tree / "open", "x");
    EXPECT_TRUE(in_child([&] {
        if (!drop_to_nobody())
            return false;
        const Made made = make(tree);
        const auto names = listing(made.tar);
        const bool good =
            names == std::vector<std::string>{"data/", "data/listed/", "data/locked/", "data/open"} &&
            made.result.tally.unreadable == 3 && made.result.tally.entries == 4 &&
            made.report.find("\"data/closed\", \"what\": \"unreadable\"") != std::string::npos &&
            made.report.find("\"data/locked\", \"what\": \"unreadable\"") != std::string::npos &&
            made.report.find("\"data/listed/in\", \"what\": \"unreadable\"") != std::string::npos;
        if (!good)
            fprintf(stderr, "%s", made.report.c_str());
        return good;
    }));
}

TEST_F(Hostile, ReadSearchAloneIsEnough) {
    if (getuid() != 0)
        GTEST_SKIP() << "needs root";
    fs::create_directories(tree / "locked");
    put(tree / "locked/closed", "content");
    set_attribute(tree / "locked/closed", "user.k", "v");
    ASSERT_EQ(chown((tree / "locked/closed").c_str(), 12, 12), 0);
    ASSERT_EQ(chmod((tree / "locked/closed").c_str(), 0), 0);
    ASSERT_EQ(chmod((tree / "locked").c_str(), 0), 0);
    const std::string want = make(tree).tar;
    EXPECT_TRUE(in_child([&] {
        prctl(PR_SET_KEEPCAPS, 1);
        if (!drop_to_nobody())
            return false;
        __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
        const std::uint32_t bit = 1U << CAP_DAC_READ_SEARCH;
        __user_cap_data_struct data[2] = {{.effective = bit, .permitted = bit, .inheritable = 0}, {}};
        if (syscall(SYS_capset, &header, data) != 0)
            return false;
        const Made made = make(tree);
        return made.result.tally.unreadable == 0 && made.tar == want;
    }));
}

struct Full : stream::Sink {
    std::size_t room;
    explicit Full(std::size_t bytes) : room(bytes) {}
    void write(stream::Bytes bytes) override {
        if (bytes.size() > room)
            throw Error(ExitCode::destination, "the disk is full");
        room -= bytes.size();
    }
    void finish() override {}
};

TEST_F(Hostile, WhatASinkThrowsComesOut) {
    put(tree / "a", std::string(1 << 20, 'x'));
    put(tree / "b", std::string(9 << 20, 'x'));
    for (const std::size_t room : {0UL, 300000UL, 2UL << 20, 10UL << 20}) {
        Full full(room);
        stream::StringSink inventory, report;
        try {
            write_archive({.root = tree, .prefix = "data", .exclude = {}, .trusted_xattrs = false},
                          {.tar = full, .inventory = inventory, .report = report}, {});
            FAIL() << "nothing thrown with room for " << room;
        } catch (const Error& error) {
            EXPECT_EQ(error.code(), ExitCode::destination);
            EXPECT_STREQ(error.what(), "the disk is full");
        }
    }
}

TEST_F(Hostile, ProgressIsToldOften) {
    for (int i = 0; i < 1100; ++i)
        put(tree / std::to_string(i), "x");
    put(tree / "zbig", std::string(20 << 20, 'x'));
    int calls = 0;
    Tally last;
    stream::StringSink tar, inventory, report;
    const Result result =
        write_archive({.root = tree, .prefix = "data", .exclude = {}, .trusted_xattrs = false},
                      {.tar = tar, .inventory = inventory, .report = report}, [&](const Tally& tally) {
                          ++calls;
                          EXPECT_GE(tally.entries, last.entries);
                          EXPECT_LE(tally.bytes - last.bytes, 9U << 20);
                          last = tally;
                      });
    EXPECT_GE(calls, 1 + 2);
    EXPECT_EQ(result.tally.entries, 1102U);
}

} // namespace
} // namespace miraclemax::archive::test
