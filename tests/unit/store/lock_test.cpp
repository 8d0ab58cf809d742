#include "store/backup_folder.hpp"

#include "error.hpp"
#include "unit/store/scratch.hpp"

#include <csignal>

#include <fcntl.h>
#include <gmock/gmock.h>

namespace miraclemax::store {
namespace {

using test::exited;
using test::in_child;
using testing::HasSubstr;

// A child that holds the lock until it is told to end, or killed.
class Holder {
public:
    explicit Holder(const std::filesystem::path& root) {
        int ready[2] = {-1, -1};
        EXPECT_EQ(::pipe2(ready, O_CLOEXEC), 0);
        pid_ = ::fork();
        if (pid_ == 0) {
            BackupFolder folder(root);
            const std::unique_ptr<Lock> lock = folder.lock();
            [[maybe_unused]] const ssize_t told = ::write(ready[1], "x", 1);
            while (true) {
                ::pause();
            }
        }
        ::close(ready[1]);
        char byte = 0;
        held_ = ::read(ready[0], &byte, 1) == 1;
        ::close(ready[0]);
    }
    ~Holder() { kill(); }
    Holder(const Holder&) = delete;
    Holder& operator=(const Holder&) = delete;
    void kill() {
        if (pid_ > 0) {
            ::kill(pid_, SIGKILL);
            ::waitpid(pid_, nullptr, 0);
            pid_ = -1;
        }
    }
    [[nodiscard]] pid_t pid() const { return pid_; }
    [[nodiscard]] bool held() const { return held_; }

private:
    pid_t pid_ = -1;
    bool held_ = false;
};

TEST(Lock, AnotherProcessIsNamedAndItsDeathFreesTheFolder) {
    const test::Scratch root;
    Holder holder(root.path());
    ASSERT_TRUE(holder.held());
    BackupFolder folder(root.path());
    try {
        const std::unique_ptr<Lock> lock = folder.lock();
        FAIL() << "two runs hold one folder";
    } catch (const Error& error) {
        EXPECT_EQ(error.code(), ExitCode::busy);
        EXPECT_THAT(error.what(), HasSubstr("pid " + std::to_string(holder.pid()) + " since 20"));
        EXPECT_FALSE(error.remedy().empty());
    }
    holder.kill();
    EXPECT_NE(folder.lock(), nullptr);
}

TEST(Lock, HoldsWithinOneProcessToo) {
    const test::Scratch root;
    BackupFolder folder(root.path());
    {
        const std::unique_ptr<Lock> first = folder.lock();
        EXPECT_THROW(static_cast<void>(folder.lock()), Error);
    }
    EXPECT_NO_THROW(static_cast<void>(folder.lock()));
}

TEST(Lock, IsNotInheritedByPrograms) {
    const test::Scratch root;
    BackupFolder folder(root.path());
    const std::unique_ptr<Lock> lock = folder.lock();
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
        std::error_code gone;
        if (std::filesystem::read_symlink(entry, gone) == root.path() / ".lock") {
            EXPECT_NE(::fcntl(std::stoi(entry.path().filename()), F_GETFD) & FD_CLOEXEC, 0);
        }
    }
}

TEST(Lock, ALinkInItsPlaceIsNotFollowed) {
    const test::Scratch root;
    const test::Scratch elsewhere;
    test::put(elsewhere / "precious", "content");
    std::filesystem::create_symlink(elsewhere / "precious", root / ".lock");
    BackupFolder folder(root.path());
    EXPECT_THROW(static_cast<void>(folder.lock()), Error);
    EXPECT_EQ(test::content(elsewhere / "precious"), "content");
}

TEST(Lock, ARestoreHoldsAFolderThatCanBeWrittenAsAllDo) {
    const test::Scratch root;
    BackupFolder folder(root.path());
    const std::unique_ptr<Lock> restore = folder.lock_for_restore(root / "instead");
    EXPECT_THROW(static_cast<void>(folder.lock()), Error);
    EXPECT_FALSE(std::filesystem::exists(root / "instead"));
}

// What a restore can hold of a folder that is read-only, with or without a lock file in it, and held or not.
int restore_from_read_only(const std::filesystem::path& root, const std::filesystem::path& instead,
                           ExitCode expected) {
    const int result = test::in_child([&] {
        if (!test::make_read_only(root)) {
            return 77;
        }
        BackupFolder folder(root, Use::reading);
        try {
            const std::unique_ptr<Lock> first = folder.lock_for_restore(instead);
            try {
                const std::unique_ptr<Lock> second = folder.lock_for_restore(instead);
                return 90; // two restores at once
            } catch (const Error& error) {
                return error.code() == ExitCode::busy && expected == ExitCode::ok ? 0 : 91;
            }
        } catch (const Error& error) {
            return error.code() == expected ? 0 : 92;
        }
    });
    return WIFEXITED(result) ? WEXITSTATUS(result) : 128;
}

TEST(Lock, ARestoreFromAReadOnlyFolderTakesAnotherInItsPlace) {
    const test::Scratch root;
    const test::Scratch state;
    const auto instead = state / "made/restore.lock";
    const int result = restore_from_read_only(root.path(), instead, ExitCode::ok);
    if (result == 77) {
        GTEST_SKIP() << "no right to mount";
    }
    EXPECT_EQ(result, 0);
    EXPECT_TRUE(std::filesystem::is_empty(root.path()));
    test::put(root / ".lock", "");
    EXPECT_EQ(restore_from_read_only(root.path(), instead, ExitCode::ok), 0);
    Holder pruning(root.path()); // it can be written from elsewhere, and is
    ASSERT_TRUE(pruning.held());
    EXPECT_EQ(restore_from_read_only(root.path(), instead, ExitCode::busy), 0);
}

TEST(Lock, FiftyStartsAtOnceOneHolderAtATime) {
    const test::Scratch root;
    // Each child that gets the lock creates a file that must not be there, and removes it again.
    std::vector<pid_t> children;
    for (int i = 0; i < 50; ++i) {
        const pid_t child = ::fork();
        if (child == 0) {
            int code = 0;
            try {
                BackupFolder folder(root.path());
                const std::unique_ptr<Lock> lock = folder.lock();
                const int file = ::open((root / "alone").c_str(), O_CREAT | O_EXCL | O_CLOEXEC, 0600);
                ::usleep(2000);
                code = file >= 0 && ::unlink((root / "alone").c_str()) == 0 ? 0 : 1;
            } catch (const Error& error) {
                code = error.code() == ExitCode::busy ? 2 : 3;
            }
            ::_exit(code);
        }
        children.push_back(child);
    }
    int got = 0;
    for (const pid_t child : children) {
        int status = -1;
        ::waitpid(child, &status, 0);
        EXPECT_TRUE(exited(status, 0) || exited(status, 2)) << status;
        got += exited(status, 0) ? 1 : 0;
    }
    EXPECT_GE(got, 1);
}

} // namespace
} // namespace miraclemax::store
