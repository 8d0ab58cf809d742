#include "store/backup_folder.hpp"

#include "error.hpp"
#include "unit/store/scratch.hpp"

#include <gmock/gmock.h>
#include <sys/stat.h>

namespace miraclemax::store {
namespace {

namespace fs = std::filesystem;
using test::content;
using test::put;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const std::string id = "20251016_030000";

class PartialTest : public testing::Test {
protected:
    [[nodiscard]] mode_t mode(const fs::path& path) const {
        struct stat status {};
        EXPECT_EQ(::lstat(path.c_str(), &status), 0) << path;
        return status.st_mode & 07777U;
    }
    test::Scratch root;
};

TEST_F(PartialTest, PublishesWhatWasAdoptedAndWritten) {
    Partial partial(root.path(), id);
    const fs::path work = partial.work_folder("n8n");
    put(work / "n8n.tar.gz.gpg", "archive");
    put(work / "left over", "by the worker");
    ::chmod((work / "n8n.tar.gz.gpg").c_str(), 0644);
    EXPECT_EQ(partial.adopt("n8n", "databases", "n8n.tar.gz.gpg"), "databases/n8n.tar.gz.gpg");
    partial.write("manifest.json", "{}");
    EXPECT_THAT(BackupFolder(root.path()).ids(), IsEmpty());
    partial.publish();

    EXPECT_THAT(BackupFolder(root.path()).ids(), ElementsAre(id));
    EXPECT_EQ(content(root / id / "databases/n8n.tar.gz.gpg"), "archive");
    EXPECT_EQ(content(root / id / "manifest.json"), "{}");
    EXPECT_EQ(mode(root / id), 0700U);
    EXPECT_EQ(mode(root / id / "databases"), 0700U);
    EXPECT_EQ(mode(root / id / "databases/n8n.tar.gz.gpg"), 0600U);
    EXPECT_EQ(mode(root / id / "manifest.json"), 0600U);
    // The work folder is gone, with what nobody adopted.
    EXPECT_EQ(std::distance(fs::recursive_directory_iterator(root / id), fs::recursive_directory_iterator()),
              3);
}

TEST_F(PartialTest, AbandonedItLeavesNothing) {
    {
        Partial partial(root.path(), id);
        put(partial.work_folder("n8n") / "deep" / "er" / "file", "x");
        partial.write("manifest.json", "{}");
    }
    EXPECT_TRUE(fs::is_empty(root.path()));
}

TEST_F(PartialTest, WithoutAManifestNothingIsPublished) {
    Partial partial(root.path(), id);
    EXPECT_THROW(partial.publish(), Error);
    EXPECT_FALSE(fs::exists(root / id));
}

TEST_F(PartialTest, NeverReplacesWhatHasItsName) {
    put(root / id / "precious", "x");
    {
        Partial partial(root.path(), id);
        partial.write("manifest.json", "{}");
        try {
            partial.publish();
            FAIL();
        } catch (const Error& error) {
            EXPECT_EQ(error.code(), ExitCode::destination);
            EXPECT_THAT(error.what(), HasSubstr(id));
        }
    }
    EXPECT_EQ(content(root / id / "precious"), "x");
    EXPECT_FALSE(fs::exists(root / (".partial-" + id)));
    // An empty folder is not a place to move in to, either.
    fs::remove(root / id / "precious");
    Partial again(root.path(), id);
    again.write("manifest.json", "{}");
    EXPECT_THROW(again.publish(), Error);
}

TEST_F(PartialTest, TakesNothingButPlainFilesFromAWorker) {
    Partial partial(root.path(), id);
    const fs::path work = partial.work_folder("n8n");
    put(root / "outside", "secret");
    fs::create_symlink(root / "outside", work / "link");
    fs::create_hard_link(root / "outside", work / "hard");
    ASSERT_EQ(::mkfifo((work / "fifo").c_str(), 0600), 0);
    fs::create_directory(work / "folder");
    for (const char* leaf : {"link", "hard", "fifo", "folder", "missing"}) {
        EXPECT_THROW(partial.adopt("n8n", "volumes", leaf), Error) << leaf;
    }
}

TEST_F(PartialTest, TakesBackWhatWasAdopted) {
    Partial partial(root.path(), id);
    put(partial.work_folder("a") / "a.tar", "x");
    const auto path = partial.adopt("a", "volumes", "a.tar");
    partial.retract(path);
    partial.retract(path); // nothing is there any more: well
    EXPECT_FALSE(fs::exists(partial.path() / "volumes"));
    EXPECT_THROW(partial.retract("../volumes/a.tar"), Error);
}

TEST_F(PartialTest, RefusesNamesThatLeaveTheirPlace) {
    Partial partial(root.path(), id);
    for (const char* bad : {"", ".", "..", "../x", "a/b", "/etc", ".hidden", "-x", "a b", "a\nb"}) {
        EXPECT_THROW(partial.work_folder(bad), Error) << bad;
        EXPECT_THROW(partial.drop_work_folder(bad), Error) << bad;
        EXPECT_THROW(partial.adopt(bad, "volumes", "x"), Error) << bad;
        EXPECT_THROW(partial.adopt("n8n", bad, "x"), Error) << bad;
        EXPECT_THROW(partial.adopt("n8n", "volumes", bad), Error) << bad;
    }
    EXPECT_THROW(partial.write("../outside", "x"), Error);
    EXPECT_THROW(partial.write("/tmp/outside", "x"), Error);
    put(partial.work_folder("n8n") / "n8n.tar", "x");
    EXPECT_THROW(partial.adopt("n8n", "manifest.json", "n8n.tar"), Error);
    EXPECT_THROW(Partial(root.path(), "../x"), Error);
}

TEST_F(PartialTest, AWorkFolderIsEmptiedWhenMadeAgain) {
    Partial partial(root.path(), id);
    put(partial.work_folder("n8n") / "first try", "x");
    EXPECT_TRUE(fs::is_empty(partial.work_folder("n8n")));
    EXPECT_EQ(mode(partial.work_folder("n8n")), 0700U);
    const fs::path other = partial.work_folder("web");
    partial.drop_work_folder("n8n");
    EXPECT_TRUE(fs::exists(other));
}

TEST_F(PartialTest, ASecondOfTheSameIdIsRefusedAndTheFirstStays) {
    Partial first(root.path(), id);
    first.write("manifest.json", "{}");
    EXPECT_THROW(Partial(root.path(), id), Error);
    EXPECT_NO_THROW(first.publish());
}

} // namespace
} // namespace miraclemax::store
