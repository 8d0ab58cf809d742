#include "scratch.hpp"

#include "error.hpp"
#include "stream/byte_queue.hpp"
#include "stream/file.hpp"
#include "stream/sha256_aside.hpp"

#include <optional>
#include <thread>

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace miraclemax::stream {
namespace {

using namespace testing;
namespace fs = std::filesystem;

mode_t mode_of(const fs::path& path) {
    struct stat found {};
    return ::stat(path.c_str(), &found) == 0 ? found.st_mode & 07777U : 0;
}

std::size_t entries_in(const fs::path& folder) {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

TEST(FileSinkTest, KeepsWhatWasFinishedPrivate) {
    const Scratch scratch;
    FileSink file(scratch / "a");
    feed(file, mixture(300000), 1000);
    file.finish();
    EXPECT_TRUE(content_of(scratch / "a") == mixture(300000));
    EXPECT_EQ(mode_of(scratch / "a"), 0600U);
}

// Bytes of a file that nobody has begun to write to disk; nothing where the kernel (before 6.5) can't tell.
std::optional<std::uint64_t> dirty(const fs::path& path) {
    constexpr long cachestat = 451; // in no header of Debian 12
    struct {
        std::uint64_t from, size;
    } range{0, 0};
    struct {
        std::uint64_t cached, dirty, writeback, evicted, recently_evicted;
    } state{};
    const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (::syscall(cachestat, file.get(), &range, &state, 0) != 0)
        return std::nullopt;
    return state.dirty * static_cast<std::uint64_t>(::getpagesize());
}

TEST(FileSinkTest, AtOnceMostOfItIsOnItsWayToTheDisk) {
    const Scratch scratch;
    FileSink file(scratch / "a", {}, FileSink::Begin::at_once);
    const std::string text = mixture(40 << 20);
    feed(file, text, 1 << 20);
    const auto left = dirty(scratch / "a");
    if (!left)
        GTEST_SKIP() << "the kernel doesn't tell";
    EXPECT_LT(*left, std::uint64_t{17} << 20U);
    file.finish();
    EXPECT_TRUE(content_of(scratch / "a") == text);
}

TEST(FileSinkTest, UnlinksWhatWasNotFinished) {
    const Scratch scratch;
    {
        FileSink file(scratch / "a");
        file.write(bytes_of("x"));
        EXPECT_TRUE(fs::exists(scratch / "a"));
    }
    EXPECT_FALSE(fs::exists(scratch / "a"));
}

TEST(FileSinkTest, NeverOverwritesNorFollows) {
    const Scratch scratch;
    write_file(scratch / "a", "old");
    EXPECT_THROW(FileSink(scratch / "a"), Error);
    EXPECT_EQ(content_of(scratch / "a"), "old");
    fs::create_symlink(scratch / "b", scratch / "link");
    EXPECT_THROW(FileSink(scratch / "link"), Error);
    EXPECT_FALSE(fs::exists(scratch / "b"));
}

TEST(FileSinkTest, NamesAMissingFolder) {
    const Scratch scratch;
    try {
        FileSink file(scratch / "none" / "a");
        FAIL() << "no error";
    } catch (const Error& error) {
        EXPECT_EQ(error.code(), ExitCode::destination);
        EXPECT_NE(std::string(error.what()).find("none/a"), std::string::npos);
        EXPECT_FALSE(error.remedy().empty());
    }
}

// In a mount namespace of its own, so that nothing stays mounted whatever happens. 0: as it should be, 77: no
// mount.
int in_own_mounts(const fs::path& at, const char* options, unsigned long flags, int (*act)(const fs::path&)) {
    const pid_t child = ::fork();
    if (child == 0) {
        if (::unshare(CLONE_NEWNS) != 0 || ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
            ::mount("tmpfs", at.c_str(), "tmpfs", flags, options) != 0) {
            ::_exit(77);
        }
        ::_exit(act(at));
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

TEST(FileSinkTest, SaysThatTheDiskIsFullAndLeavesNothing) {
    const Scratch scratch;
    const int result = in_own_mounts(scratch.path(), "size=1m", 0, [](const fs::path& at) {
        try {
            FileSink file(at / "a");
            feed(file, std::string(4000000, 'x'));
            return 1;
        } catch (const Error& error) {
            const bool right = error.code() == ExitCode::destination && !error.remedy().empty() &&
                               std::string(error.what()).find("No space left") != std::string::npos;
            return right && entries_in(at) == 0 ? 0 : 2;
        }
    });
    if (result == 77) {
        GTEST_SKIP() << "may not mount";
    }
    EXPECT_EQ(result, 0);
}

TEST(FileSinkTest, SaysThatTheDiskIsReadOnly) {
    const Scratch scratch;
    const int result = in_own_mounts(scratch.path(), "size=1m", MS_RDONLY, [](const fs::path& at) {
        try {
            FileSink file(at / "a");
            return 1;
        } catch (const Error& error) {
            return error.code() == ExitCode::destination ? 0 : 2;
        }
    });
    if (result == 77) {
        GTEST_SKIP() << "may not mount";
    }
    EXPECT_EQ(result, 0);
}

TEST(ReplaceFile, ReplacesWholeAndLeavesNoTemporary) {
    const Scratch scratch;
    replace_file(scratch / "a", "one");
    replace_file(scratch / "a", "two", 0644);
    EXPECT_EQ(content_of(scratch / "a"), "two");
    EXPECT_EQ(mode_of(scratch / "a"), 0644U);
    EXPECT_EQ(entries_in(scratch.path()), 1U);
    fs::create_directory(scratch / "folder");
    EXPECT_THROW(replace_file(scratch / "folder", "x"), Error);
    EXPECT_EQ(entries_in(scratch.path()), 2U);
}

TEST(ReadFile, ReadsWholeButNotTooMuch) {
    const Scratch scratch;
    const std::string text = mixture(100000);
    write_file(scratch / "a", text);
    EXPECT_TRUE(read_file(scratch / "a", 100000) == text);
    EXPECT_THROW((void)read_file(scratch / "a", 99999), Error);
    EXPECT_THROW((void)read_file(scratch / "b", 1), Error);
    EXPECT_THROW(write_file(scratch / "a", "new"), Error);
}

TEST(FileSourceTest, ReadsADescriptorAndCopies) {
    const Scratch scratch;
    write_file(scratch / "a", mixture(700000));
    FileSource source(Descriptor(::open((scratch / "a").c_str(), O_RDONLY | O_CLOEXEC)), "a");
    StringSink sink;
    copy(source, sink);
    EXPECT_TRUE(sink.content() == mixture(700000));
    EXPECT_FALSE(sink.finished());
}

TEST(DescriptorTest, ClosesOnceAndMoves) {
    Descriptor one(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    const int number = one.get();
    Descriptor two(std::move(one));
    EXPECT_EQ(two.get(), number);
    two = Descriptor();
    EXPECT_EQ(::fcntl(number, F_GETFD), -1);
}

TEST(SyncFolder, RefusesWhatIsNone) {
    const Scratch scratch;
    sync_folder(scratch.path());
    EXPECT_THROW(sync_folder(scratch / "none"), Error);
}

TEST(DigestTest, IsWhatSha256sumSays) {
    EXPECT_EQ(sha256_of(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    EXPECT_EQ(sha256_of("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    const Scratch scratch;
    const std::string text = mixture(1234567);
    FileSink file(scratch / "a");
    DigestSink digest(file);
    feed(digest, text);
    digest.finish();
    EXPECT_EQ(digest.digest(), (Digest{.sha256 = sha256_of(text), .size = text.size()}));
    EXPECT_EQ(digest_of_file(scratch / "a"), digest.digest());
    const std::string line = digest.digest().sha256 + "  " + (scratch / "a").string();
    EXPECT_EQ(run("echo '" + line + "' | sha256sum -c --quiet"), 0);
}

class Aside : public ::testing::TestWithParam<std::size_t> {};

TEST_P(Aside, IsTheSameHash) {
    const std::string text = mixture(GetParam());
    StringSink sink;
    AsideDigestSink digest(sink);
    feed(digest, text);
    digest.finish();
    EXPECT_EQ(digest.digest(), (Digest{.sha256 = sha256_of(text), .size = text.size()}));
    EXPECT_TRUE(sink.content() == text);
}

INSTANTIATE_TEST_SUITE_P(Sizes, Aside, ::testing::Values(0, 1, 1048576, 1048577, 1200000, 3 << 20, 20000001));

TEST(Sha256AsideTest, MayBeGivenUp) {
    Sha256Aside aside;
    for (int i = 0; i < 30; ++i) {
        aside.update(bytes_of(mixture(500000)));
    }
}

TEST(Sha256Test, BeginsAnew) {
    Sha256 sha256;
    sha256.update(bytes_of("abc"));
    (void)sha256.hex();
    EXPECT_EQ(sha256.hex(), sha256_of(""));
}

TEST(ByteQueueTest, KeepsOrderThroughASmallRing) {
    ByteQueue queue(1000);
    const std::string text = mixture(500000);
    std::string got;
    std::thread reader([&] {
        std::array<std::byte, 333> buffer;
        while (const auto count = queue.read(buffer)) {
            if (*count == 0) {
                break;
            }
            got.append(reinterpret_cast<const char*>(buffer.data()), *count);
        }
    });
    for (std::size_t at = 0; at < text.size(); at += 7777) {
        EXPECT_TRUE(queue.write(bytes_of(text).subspan(at, std::min<std::size_t>(7777, text.size() - at))));
    }
    queue.close();
    reader.join();
    EXPECT_TRUE(got == text);
}

TEST(ByteQueueTest, WakesBothEndsWhenAbandoned) {
    ByteQueue full(10);
    std::thread writer([&] { EXPECT_FALSE(full.write(bytes_of(std::string(100, 'x')))); });
    full.abandon();
    writer.join();
    ByteQueue empty(10);
    std::array<std::byte, 10> buffer;
    std::thread reader([&] { EXPECT_EQ(empty.read(buffer), std::nullopt); });
    empty.abandon();
    reader.join();
}

} // namespace
} // namespace miraclemax::stream
