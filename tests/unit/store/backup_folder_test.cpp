#include "store/backup_folder.hpp"

#include "error.hpp"
#include "store/backup_id.hpp"
#include "store/tree.hpp"
#include "unit/store/scratch.hpp"

#include <atomic>
#include <fstream>
#include <thread>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/mount.h>
#include <sys/stat.h>

namespace miraclemax::store {
namespace {

namespace fs = std::filesystem;
using test::put;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

void expect_destination(const std::function<void()>& act, const std::string& part) {
    try {
        act();
        ADD_FAILURE() << "nothing was thrown";
    } catch (const Error& error) {
        EXPECT_EQ(error.code(), ExitCode::destination) << error.what();
        EXPECT_THAT(error.what(), HasSubstr(part));
        EXPECT_FALSE(error.remedy().empty());
    }
}

void publish(const fs::path& root, const std::string& id) {
    put(root / id / "manifest.json", "{}");
}

TEST(BackupFolderTest, MissingOrNoFolderOrReadOnlyIsSaidWithARemedy) {
    const test::Scratch scratch;
    put(scratch / "file", "");
    expect_destination([&] { BackupFolder(scratch / "nowhere"); }, "nowhere is missing");
    expect_destination([&] { BackupFolder(scratch / "file"); }, "is not a folder");
    fs::create_directory(scratch / "ro");
    if (::mount("none", (scratch / "ro").c_str(), "tmpfs", MS_RDONLY, "size=64k") != 0) {
        GTEST_SKIP() << "no right to mount";
    }
    expect_destination([&] { BackupFolder(scratch / "ro"); }, "Read-only");
    ::umount((scratch / "ro").c_str());
}

// A disk that was put in for a recovery.
TEST(BackupFolderTest, AReadOnlyFolderCanBeRead) {
    const test::Scratch scratch;
    publish(scratch.path(), "20251016_030000");
    fs::create_symlink("20251016_030000", scratch / "latest");
    const int result = test::in_child([&] {
        if (!test::make_read_only(scratch.path())) {
            return 77;
        }
        expect_destination([&] { BackupFolder(scratch.path()); }, "Read-only");
        const BackupFolder folder(scratch.path(), Use::reading);
        EXPECT_THAT(folder.ids(), ElementsAre("20251016_030000"));
        EXPECT_EQ(folder.latest(), "20251016_030000");
        EXPECT_FALSE(folder.is_pinned("20251016_030000"));
        expect_destination([&] { BackupFolder(scratch / "nowhere", Use::reading); }, "nowhere is missing");
        return testing::Test::HasFailure() ? 1 : 0;
    });
    if (test::exited(result, 77)) {
        GTEST_SKIP() << "no right to mount";
    }
    EXPECT_TRUE(test::exited(result, 0));
}

TEST(BackupFolderTest, LeavesNoProbeAndTakesAnyFormOfThePath) {
    const test::Scratch scratch;
    const BackupFolder folder(scratch.path().string() + "/./");
    EXPECT_EQ(folder.root(), scratch.path());
    EXPECT_TRUE(fs::is_empty(scratch.path()));
    EXPECT_GT(folder.free_bytes(), 0U);
}

TEST(BackupFolderTest, ListsOnlyPublishedBackupsOldestFirst) {
    const test::Scratch scratch;
    for (const char* id : {"20251016_030000_10", "20251016_030000_9", "20251016_030000", "20240101_000000"}) {
        publish(scratch.path(), id);
    }
    publish(scratch.path(), ".partial-20260101_000000");
    publish(scratch.path(), "somebody's");
    fs::create_directory(scratch / "20260101_000000"); // no manifest
    put(scratch / "20260102_000000", "a file");
    fs::create_directory_symlink("20251016_030000", scratch / "20260103_000000");
    const BackupFolder folder(scratch.path());
    EXPECT_THAT(folder.ids(),
                ElementsAre("20240101_000000", "20251016_030000", "20251016_030000_9", "20251016_030000_10"));
    EXPECT_EQ(folder.path_of("20251016_030000"), scratch / "20251016_030000");
    EXPECT_THROW(static_cast<void>(folder.path_of("../etc")), Error);
}

TEST(BackupFolderTest, TwoRunsInOneSecondAndWhatOnlyHasTheNameGetOtherIds) {
    const test::Scratch scratch;
    const BackupFolder folder(scratch.path());
    const auto now = std::chrono::system_clock::now();
    const std::string first = folder.next_id(now);
    EXPECT_TRUE(is_backup_id(first));
    publish(scratch.path(), first);
    EXPECT_EQ(folder.next_id(now), first + "_2");
    fs::create_directory(scratch / (".partial-" + first + "_2"));
    EXPECT_EQ(folder.next_id(now), first + "_3");
    fs::create_directory(scratch / (first + "_3"));
    EXPECT_EQ(folder.next_id(now), first + "_4");
    EXPECT_EQ(folder.next_id(now - std::chrono::hours(1)).substr(15), "_2");
    EXPECT_EQ(folder.next_id(now + std::chrono::hours(1)).size(), 15U);
}

TEST(BackupFolderTest, AnIdNamesOneBackupForEver) {
    const test::Scratch scratch;
    const BackupFolder folder(scratch.path());
    const auto now = std::chrono::system_clock::now();
    const std::string first = folder.next_id(now);
    publish(scratch.path(), first + "_3"); // the others have gone
    EXPECT_EQ(folder.next_id(now), first + "_4");
    fs::create_directory(folder.removal_records());
    std::ofstream(folder.removal_records() / (first + "_7.json"));
    EXPECT_EQ(folder.next_id(now), first + "_8");
    // The hour that the clock repeats.
    const std::string earlier = stamp_of(now - std::chrono::hours(1));
    std::ofstream(folder.removal_records() / (earlier + "_2.json"));
    EXPECT_EQ(folder.next_id(now - std::chrono::hours(1)), earlier + "_3");
}

TEST(BackupFolderTest, LatestNamesAPublishedBackupOrNothing) {
    const test::Scratch scratch;
    BackupFolder folder(scratch.path());
    EXPECT_EQ(folder.latest(), std::nullopt);
    EXPECT_THROW(folder.set_latest("20251016_030000"), Error);
    publish(scratch.path(), "20251016_030000");
    folder.set_latest("20251016_030000");
    EXPECT_EQ(folder.latest(), "20251016_030000");
    EXPECT_EQ(fs::read_symlink(scratch / "latest"), "20251016_030000");
    fs::remove_all(scratch / "20251016_030000");
    EXPECT_EQ(folder.latest(), std::nullopt);
    fs::remove(scratch / "latest");
    fs::create_symlink("/etc", scratch / "latest");
    EXPECT_EQ(folder.latest(), std::nullopt);
}

TEST(BackupFolderTest, LatestIsNeverAbsentWhileItMoves) {
    const test::Scratch scratch;
    BackupFolder folder(scratch.path());
    publish(scratch.path(), "20251016_030000");
    publish(scratch.path(), "20251017_030000");
    folder.set_latest("20251016_030000");
    std::atomic<bool> done = false;
    std::atomic<int> bad = 0;
    std::thread reader([&] {
        while (!done) {
            bad += folder.latest() ? 0 : 1;
        }
    });
    for (int i = 0; i < 200; ++i) {
        folder.set_latest(i % 2 == 0 ? "20251017_030000" : "20251016_030000");
    }
    done = true;
    reader.join();
    EXPECT_EQ(bad, 0);
}

TEST(BackupFolderTest, SweepRemovesDebrisAndFollowsNoLink) {
    const test::Scratch scratch;
    const test::Scratch outside;
    put(outside / "folder/precious", "x");
    publish(scratch.path(), "20251016_030000");
    const fs::path partial = scratch / ".partial-20251017_030000";
    put(partial / ".work-n8n/n8n.tar", "x");
    fs::create_directory_symlink(outside / "folder", partial / "link");
    fs::create_directory_symlink(outside / "folder", scratch / ".partial-20251018_030000");
    fs::create_symlink("20251016_030000", scratch / ".latest-123");
    put(scratch / "a file of the user", "x");
    BackupFolder folder(scratch.path());
    EXPECT_THAT(folder.sweep(),
                ElementsAre(".latest-123", ".partial-20251017_030000", ".partial-20251018_030000"));
    EXPECT_THAT(folder.sweep(), IsEmpty());
    EXPECT_EQ(test::content(outside / "folder/precious"), "x");
    EXPECT_TRUE(fs::exists(scratch / "a file of the user"));
    EXPECT_THAT(folder.ids(), ElementsAre("20251016_030000"));
}

TEST(BackupFolderTest, APinAtTheLastMomentHoldsARemovalBack) {
    const test::Scratch scratch;
    publish(scratch.path(), "20251016_030000");
    BackupFolder folder(scratch.path());
    folder.pin("20251016_030000");
    EXPECT_FALSE(folder.withdraw("20251016_030000"));
    EXPECT_THROW(folder.remove("20251016_030000"), Error);
    EXPECT_THAT(folder.ids(), ElementsAre("20251016_030000"));
    EXPECT_THAT(folder.sweep(), IsEmpty());
    folder.unpin("20251016_030000");
    ASSERT_TRUE(folder.withdraw("20251016_030000"));
    EXPECT_THAT(folder.ids(), IsEmpty());
    EXPECT_THROW(folder.pin("20251016_030000"), Error); // too late, and said so
    folder.discard("20251016_030000");
    EXPECT_THAT(folder.sweep(), IsEmpty());
}

TEST(BackupFolderTest, ALinkInThePlaceOfThePinsIsNotFollowed) {
    const test::Scratch scratch;
    const test::Scratch outside;
    publish(scratch.path(), "20251016_030000");
    put(outside / "20251016_030000", "x");
    fs::create_directory_symlink(outside.path(), scratch / ".pinned");
    BackupFolder folder(scratch.path());
    EXPECT_THROW(folder.pin("20251016_030000"), Error);
    EXPECT_THROW(folder.unpin("20251016_030000"), Error);
    EXPECT_EQ(test::content(outside / "20251016_030000"), "x");
}

// A worker that was taken over must not be able to leave what can't be removed.
TEST(BackupFolderTest, SweepRemovesFoldersDeeperThanPathsAndDescriptorsReach) {
    const test::Scratch scratch;
    const std::string name(200, 'd');
    ASSERT_EQ(::mkdir((scratch / ".partial-20251017_030000").c_str(), 0700), 0);
    int at = ::open((scratch / ".partial-20251017_030000").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (int depth = 0; depth < 1200; ++depth) {
        ASSERT_EQ(::mkdirat(at, name.c_str(), 0700), 0);
        const int below = ::openat(at, name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        ASSERT_GE(below, 0);
        ::close(at);
        at = below;
    }
    ::close(at);
    BackupFolder(scratch.path()).sweep();
    EXPECT_TRUE(fs::is_empty(scratch.path()));
}

} // namespace
} // namespace miraclemax::store
