// Backups killed, or failed, at every fault point in turn, and on disks of many sizes: what is listed is
// whole.
#include "store/backup_folder.hpp"

#include "error.hpp"
#include "stream/fault_point.hpp"
#include "stream/file.hpp"
#include "unit/store/scratch.hpp"

#include <csignal>

#include <gmock/gmock.h>
#include <sys/mount.h>

namespace miraclemax::store {
namespace {

namespace fs = std::filesystem;
using test::content;
using testing::ElementsAre;
using testing::IsEmpty;

const std::string older = "20251016_030000";
const std::string newer = "20251017_030000";

void make_backup(const fs::path& root, const std::string& id, std::size_t size) {
    BackupFolder folder(root);
    const std::unique_ptr<Lock> lock = folder.lock();
    folder.sweep();
    Partial partial(folder.root(), id);
    const fs::path work = partial.work_folder("n8n");
    stream::write_file(work / "n8n.tar", std::string(size, 'x'));
    partial.adopt("n8n", "databases", "n8n.tar");
    partial.drop_work_folder("n8n");
    partial.write("manifest.json", "{}");
    partial.publish();
    folder.set_latest(id);
}

void expect_whole(const fs::path& root, const std::string& id, std::size_t size) {
    EXPECT_EQ(content(root / id / "manifest.json"), "{}");
    EXPECT_EQ(content(root / id / "databases/n8n.tar"), std::string(size, 'x'));
    EXPECT_FALSE(fs::exists(root / id / ".work-n8n"));
}

void expect_sound(const fs::path& root, const std::string& what) {
    SCOPED_TRACE(what);
    BackupFolder folder(root);
    expect_whole(root, older, 10);
    const std::vector<std::string> ids = folder.ids();
    ASSERT_GE(ids.size(), 1U);
    EXPECT_EQ(ids.front(), older);
    if (ids.size() > 1) {
        EXPECT_EQ(ids.back(), newer);
        expect_whole(root, newer, 10000);
    } else {
        EXPECT_FALSE(fs::exists(root / newer));
    }
    EXPECT_TRUE(folder.latest().has_value());
    const std::unique_ptr<Lock> lock = folder.lock();
    folder.sweep();
    for (const auto& entry : fs::directory_iterator(root)) {
        const std::string name = entry.path().filename();
        EXPECT_TRUE(name == older || name == newer || name == "latest" || name == ".lock") << name;
    }
}

#ifdef MIRACLEMAX_FAULT_POINTS

int run_with_fault(const fs::path& root, const std::string& fault) {
    return test::in_child([&] {
        ::setenv("MIRACLEMAX_FAULT", fault.c_str(), 1);
        stream::reload_fault_plan();
        try {
            make_backup(root, newer, 10000);
        } catch (const Error&) {
            return 1;
        }
        return 0;
    });
}

void start_over(const fs::path& root) {
    fs::remove_all(root / newer);
    BackupFolder(root).set_latest(older);
}

TEST(PublicationFault, KilledAtAnyPointThereIsAllOrNothing) {
    const test::Scratch root;
    make_backup(root.path(), older, 10);
    int points = 0;
    for (int status = -1; !test::exited(status, 0); ++points) {
        ASSERT_LT(points, 100);
        start_over(root.path());
        status = run_with_fault(root.path(), std::to_string(points + 1) + ":kill");
        ASSERT_TRUE(test::exited(status, 0) || (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL))
            << status;
        expect_sound(root.path(), "killed at point " + std::to_string(points + 1));
    }
    EXPECT_GE(points, 7);
    EXPECT_THAT(BackupFolder(root.path()).ids(), ElementsAre(older, newer));
}

TEST(PublicationFault, AnErrorAtAnyPointLeavesNoDebrisEvenBeforeTheSweep) {
    const test::Scratch root;
    make_backup(root.path(), older, 10);
    for (const char* point :
         {"partial.create", "partial.adopt", "publish.sync", "publish.rename", "publish.root-sync"}) {
        start_over(root.path());
        EXPECT_TRUE(test::exited(run_with_fault(root.path(), std::string(point) + ":error"), 1)) << point;
        EXPECT_THAT(BackupFolder(root.path()).ids(), ElementsAre(older)) << point;
        EXPECT_FALSE(fs::exists(root / (".partial-" + newer))) << point;
        expect_sound(root.path(), point);
    }
    for (const char* point : {"latest.link", "latest.rename"}) {
        start_over(root.path());
        EXPECT_TRUE(test::exited(run_with_fault(root.path(), std::string(point) + ":error"), 1)) << point;
        EXPECT_EQ(BackupFolder(root.path()).latest(), older) << point;
        EXPECT_THAT(BackupFolder(root.path()).ids(), ElementsAre(older, newer)) << point;
        expect_sound(root.path(), point);
    }
}

#endif

class SmallDisk {
public:
    SmallDisk(const fs::path& at, const std::string& options) : at_(at) {
        fs::create_directory(at_);
        mounted_ = ::mount("none", at_.c_str(), "tmpfs", 0, options.c_str()) == 0;
    }
    ~SmallDisk() {
        if (mounted_) {
            ::umount2(at_.c_str(), MNT_DETACH);
        }
    }
    SmallDisk(const SmallDisk&) = delete;
    SmallDisk& operator=(const SmallDisk&) = delete;
    [[nodiscard]] bool mounted() const { return mounted_; }

private:
    fs::path at_;
    bool mounted_ = false;
};

TEST(FullDisk, IsADestinationErrorThatLeavesTheOlderBackupAndNoDebris) {
    const test::Scratch scratch;
    int refused = 0;
    int made = 0;
    for (int pages = 6; pages < 26; ++pages) {
        const fs::path root = scratch / std::to_string(pages);
        const SmallDisk disk(root, "size=" + std::to_string(pages * 4096));
        if (!disk.mounted()) {
            GTEST_SKIP() << "no right to mount";
        }
        make_backup(root, older, 10);
        try {
            make_backup(root, newer, 10000 * 5);
            ++made;
            expect_whole(root, newer, 50000);
        } catch (const Error& error) {
            ++refused;
            EXPECT_EQ(error.code(), ExitCode::destination) << error.what();
            EXPECT_FALSE(error.remedy().empty());
            EXPECT_THAT(BackupFolder(root).ids(), ElementsAre(older));
            EXPECT_FALSE(fs::exists(root / (".partial-" + newer)));
        }
        expect_whole(root, older, 10);
    }
    EXPECT_GT(refused, 0);
    EXPECT_GT(made, 0);
}

TEST(FullDisk, WithoutInodesListingAndSweepingStillWork) {
    const test::Scratch scratch;
    const SmallDisk disk(scratch / "small", "size=1m,nr_inodes=16");
    if (!disk.mounted()) {
        GTEST_SKIP() << "no right to mount";
    }
    const fs::path root = scratch / "small";
    make_backup(root, older, 10);
    fs::create_directory(root / ".partial-20251018_030000");
    for (int i = 0; i < 32; ++i) {
        std::ofstream(root / ".partial-20251018_030000" / std::to_string(i)) << "x";
    }
    EXPECT_THROW(Partial(root, newer), Error);
    BackupFolder folder(root);
    EXPECT_THAT(folder.ids(), ElementsAre(older));
    const std::unique_ptr<Lock> lock = folder.lock();
    EXPECT_THAT(folder.sweep(), ElementsAre(".partial-20251018_030000"));
}

} // namespace
} // namespace miraclemax::store
