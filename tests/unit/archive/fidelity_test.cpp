// A tree with everything in it, through the archive, the stock tar and the stock mtree, and back.
#include "error.hpp"
#include "unit/archive/tree.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <unistd.h>

namespace fs = std::filesystem;
using testing::HasSubstr;

namespace miraclemax::archive::test {
namespace {

class Fidelity : public testing::Test {
protected:
    TempFolder temp;
    fs::path tree = temp / "tree";
    void SetUp() override { fs::create_directory(tree); }

    // Archive, restore, compare with an independent walk and with mtree, on both trees.
    Made round_trip(bool trusted = false) {
        const auto before = snapshot(tree);
        Made made = make(tree, {}, trusted);
        EXPECT_EQ(made.result.tally.changed + made.result.tally.unreadable + made.result.tally.vanished, 0U)
            << made.report;
        const Ran tar = extract(made.tar, temp / "out");
        EXPECT_EQ(tar.status, 0) << tar.output;
        EXPECT_EQ(tar.output, "");
        expect_same(before, snapshot(temp / "out/data"));
        EXPECT_EQ(mtree(made.inventory, temp / "out/data", temp), "");
        EXPECT_EQ(mtree(made.inventory, tree, temp), "");
        return made;
    }
};

void sparse(const fs::path& path, off_t size, const std::vector<off_t>& data) {
    const int fd = open(path.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
    ASSERT_GE(fd, 0);
    ASSERT_EQ(ftruncate(fd, size), 0);
    for (const off_t at : data)
        ASSERT_EQ(pwrite(fd, "data", 4, at), 4);
    close(fd);
}

blkcnt_t blocks(const fs::path& path) {
    struct stat s {};
    EXPECT_EQ(lstat(path.c_str(), &s), 0) << path;
    return s.st_blocks;
}

TEST_F(Fidelity, NamesOfAllBytes) {
    for (int i = 1; i < 256; ++i)
        if (i != '/')
            put(tree / (std::string("x") + static_cast<char>(i) + "y"),
                std::string(static_cast<std::size_t>(i), 'c'));
    for (const char* name : {"...", "-x", " lead", "x=y z", "type=dir", "foo[1].txt", "foo1.txt", "c\\*b",
                             "a*b", "aXb", "a\\Xb", "q[!a]\\", "#c", "\xc3\xa4\xc3\xb6", "end "})
        put(tree / name, name);
    fs::create_directory(tree / "d *[x]");
    put(tree / "d *[x]" / "in", "1");
    fs::create_directory(tree / "d x");
    put(tree / "d x" / "in", "2");
    put(tree / std::string(255, 'n'), "long");
    fs::create_directory(tree / std::string(255, 'm'));
    put(tree / std::string(255, 'm') / std::string(255, 'o'), "longer");
    fs::create_symlink(std::string(3000, 'l'), tree / "long link");
    fs::create_symlink("t\xff *#\\\n/../x", tree / "odd link");
    const Made made = round_trip();
    EXPECT_EQ(made.result.tally.entries, 254U + 15 + 4 + 1 + 2 + 2 + 1);
}

TEST_F(Fidelity, Utf8NamesNeedNoRemark) {
    put(tree / "\xc3\xa4", "x");
    const Made made = make(tree);
    const Ran ran = run({"tar", "-tf", "-"}, made.tar);
    EXPECT_EQ(ran.output, "data/\ndata/\xc3\xa4\n");
}

TEST_F(Fidelity, KindsModesOwnersTimes) {
    fs::create_directories(tree / "empty");
    fs::create_directories(tree / "sticky/below");
    put(tree / "suid", "#!");
    ASSERT_EQ(chmod((tree / "suid").c_str(), 06751), 0);
    ASSERT_EQ(chmod((tree / "sticky").c_str(), 01777), 0);
    ASSERT_EQ(mkfifo((tree / "fifo").c_str(), 0640), 0);
    fs::create_symlink("nowhere", tree / "link");
    if (getuid() == 0) {
        put(tree / "none", "");
        ASSERT_EQ(chmod((tree / "none").c_str(), 0), 0);
        put(tree / "far owner", "x");
        ASSERT_EQ(chown((tree / "far owner").c_str(), 2000000000, 2000000001), 0);
        ASSERT_EQ(lchown((tree / "link").c_str(), 4000000000U, 7), 0);
        ASSERT_EQ(chown(tree.c_str(), 70, 71), 0);
        ASSERT_EQ(mknod((tree / "char").c_str(), S_IFCHR | 0620, makedev(300, 70000)), 0);
        ASSERT_EQ(mknod((tree / "block").c_str(), S_IFBLK | 0660, makedev(7, 1)), 0);
    }
    struct {
        const char* name;
        long long seconds;
        long nanoseconds;
    } const times[] = {{"t0", 0, 0},
                       {"t1", 0, 1},
                       {"t2", -1, 0},
                       {"t3", -2, 500000000},
                       {"t4", -10000, 1},
                       {"t5", 4200000000, 123456789},
                       {"t6", 8000000000, 999999999},
                       {"t7", 2000000000, 100000000}};
    for (const auto& t : times) {
        put(tree / t.name, t.name);
        set_time(tree / t.name, t.seconds, t.nanoseconds);
    }
    set_time(tree / "link", -77, 5);
    set_time(tree / "fifo", 77, 5);
    set_time(tree / "empty", 1, 1);
    ASSERT_EQ(chmod(tree.c_str(), 02755), 0);
    set_time(tree, 86400, 42);
    const Made made = round_trip();
    EXPECT_EQ(made.result.root.mode, 02755U);
    if (getuid() == 0) {
        EXPECT_EQ(made.result.root.uid, 70U);
        EXPECT_EQ(made.result.root.gid, 71U);
    }
    EXPECT_EQ(listing(made.tar).front(), "data/");
}

TEST_F(Fidelity, TheSecondBefore1970IsRounded) {
    put(tree / "f", "x");
    set_time(tree / "f", -1, 500000000);
    const Made made = make(tree);
    extract(made.tar, temp / "out");
    struct stat s {};
    ASSERT_EQ(stat((temp / "out/data/f").c_str(), &s), 0);
    EXPECT_EQ(s.st_mtim.tv_sec, -1);
    EXPECT_EQ(s.st_mtim.tv_nsec, 0);
    EXPECT_EQ(mtree(made.inventory, temp / "out/data", temp), "");
}

TEST_F(Fidelity, Hardlinks) {
    fs::create_directories(tree / "a/b");
    put(tree / "z", "content");
    fs::create_hard_link(tree / "z", tree / "a/b/first");
    fs::create_hard_link(tree / "z", tree / "m");
    fs::create_symlink("target", tree / "sl");
    ASSERT_EQ(linkat(AT_FDCWD, (tree / "sl").c_str(), AT_FDCWD, (tree / "a/sl2").c_str(), 0), 0);
    ASSERT_EQ(mkfifo((tree / "p1").c_str(), 0600), 0);
    fs::create_hard_link(tree / "p1", tree / "p2");
    put(tree / "big", std::string(5 << 20, 'b'));
    fs::create_hard_link(tree / "big", tree / "big2");
    set_attribute(tree / "z", "user.k", "v");
    const Made made = round_trip();
    EXPECT_LT(made.tar.size(), 6U << 20); // the content once
    EXPECT_THAT(run({"tar", "-tvf", "-"}, made.tar).output, HasSubstr("data/m link to data/a/b/first"));
}

TEST_F(Fidelity, HolesStayHoles) {
    const off_t mib = 1 << 20;
    sparse(tree / "holes", 20 * mib, {mib, 10 * mib, 20 * mib - 4});
    sparse(tree / "one hole", 20 * mib, {});
    sparse(tree / "small hole", mib, {});
    sparse(tree / "small", 3 * mib, {0, 2 * mib});
    sparse(tree / "ends in a hole", 6 * mib, {0});
    sparse(tree / "tiny", 100, {});
    sparse(tree / "odd \xff", mib, {8192});
    const Made made = round_trip();
    EXPECT_LT(made.tar.size(), 200U << 10);
    EXPECT_LT(made.result.tally.bytes, 200U << 10);
    for (const char* name : {"holes", "one hole", "small hole", "small", "ends in a hole"})
        EXPECT_LE(blocks(temp / "out/data" / name), blocks(tree / name) + 8) << name;
}

// Small holes are hashed too: the digest is that of the whole content, as sha256sum gives it.
TEST_F(Fidelity, AHoleOfMebibytes) {
    sparse(tree / "hole", 4 << 20, {});
    EXPECT_THAT(make(tree).inventory,
                HasSubstr("sha256digest=bb9f8df61474d25e71fa00722318cd387396ca1736605e1248821cc0de3d3af8"));
}

// Of a file that is mostly holes only the data is: zeros by the gibibyte would keep containers waiting.
TEST_F(Fidelity, AHoleOfAGibibyte) {
    sparse(tree / "hole", 1 << 30, {});
    const Made made = make(tree);
    EXPECT_LT(made.tar.size(), 20U << 10);
    // SHA-256 of nothing
    EXPECT_THAT(
        made.inventory,
        HasSubstr("\n# data sha256=e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\n"));
    EXPECT_EQ(made.inventory.find("sha256digest"), std::string::npos);
    EXPECT_EQ(extract(made.tar, temp / "out").output, "");
    EXPECT_EQ(fs::file_size(temp / "out/data/hole"), 1U << 30);
    EXPECT_LE(blocks(temp / "out/data/hole"), 8);
}

TEST_F(Fidelity, HugeHolesPassQuickly) {
    sparse(tree / "huge", 1LL << 40, {1LL << 39});
    const Made made = make(tree);
    EXPECT_THAT(made.inventory, HasSubstr("\n# data sha256="));
    EXPECT_LT(made.tar.size(), 100U << 10);
    EXPECT_EQ(extract(made.tar, temp / "out").output, "");
    EXPECT_EQ(mtree(made.inventory, temp / "out/data", temp), "");
    std::string data(4, '\0');
    const int fd = open((temp / "out/data/huge").c_str(), O_RDONLY | O_CLOEXEC);
    EXPECT_EQ(pread(fd, data.data(), 4, 1LL << 39), 4);
    close(fd);
    EXPECT_EQ(data, "data");
}

TEST_F(Fidelity, AttributesAndAcls) {
    fs::create_directory(tree / "dir");
    put(tree / "dir/f", "x");
    put(tree / "plain", "x");
    set_attribute(tree / "dir/f", "user.zero", std::string_view("a\0b\n", 4));
    set_attribute(tree / "dir/f", "user.empty", "");
    set_attribute(tree / "dir/f", "user.a=b", "equals");
    set_attribute(tree / "dir/f", "user.long", std::string(2000, 'x'));
    set_attribute(tree / "dir", "user.dir", "d");
    set_attribute(tree, "user.root", "r");
    ASSERT_EQ(run({"setfacl", "-m", "u:1234:rwx,u:4294967294:r,g:3000000000:r,g:55:r,m::rx", tree / "dir/f"})
                  .status,
              0);
    ASSERT_EQ(run({"setfacl", "-m", "u:77:rw,d:u:1234:rwx,d:g:3:rx", tree / "dir"}).status, 0);
    ASSERT_EQ(run({"setfacl", "-m", "d:g:9:rwx", tree}).status, 0);
    if (getuid() == 0) {
        set_attribute(tree / "plain", "security.capability",
                      std::string_view("\1\0\0\2\0\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20));
        set_attribute(tree / "plain", "trusted.t", "t");
        fs::create_symlink("x", tree / "link");
        set_attribute(tree / "link", "trusted.l", "l");
        ASSERT_EQ(mkfifo((tree / "fifo").c_str(), 0600), 0);
        set_attribute(tree / "fifo", "trusted.f", "f");
        ASSERT_EQ(run({"setfacl", "-m", "u:8:rw", tree / "fifo"}).status, 0);
    }
    const Made made = round_trip(true);
    // A line of its own for the entry above it, and none for what has no attributes.
    EXPECT_THAT(made.inventory, HasSubstr("\n# meta sha256="));
    EXPECT_EQ(make(temp / "out/data", {}, true).inventory, made.inventory);
}

TEST_F(Fidelity, TrustedOnlyWhenAsked) {
    if (getuid() != 0)
        GTEST_SKIP() << "needs root";
    put(tree / "f", "x");
    set_attribute(tree / "f", "trusted.t", "t");
    EXPECT_EQ(make(tree).tar.find("trusted.t"), std::string::npos);
    EXPECT_NE(make(tree, {}, true).tar.find("trusted.t"), std::string::npos);
}

TEST_F(Fidelity, TheInventoryTellsOfEveryDifference) {
    for (const char* name : {"a", "b", "c", "d"})
        put(tree / name, name);
    const Made made = make(tree);
    ASSERT_EQ(mtree(made.inventory, tree, temp), "");
    struct stat s {};
    ASSERT_EQ(stat((tree / "a").c_str(), &s), 0);
    put(tree / "a", "A"); // same size, and the same time again
    set_time(tree / "a", s.st_mtim.tv_sec, s.st_mtim.tv_nsec);
    ASSERT_EQ(chmod((tree / "b").c_str(), 0600), 0);
    set_time(tree / "c", 1, 2);
    fs::remove(tree / "d");
    const std::string said = mtree(made.inventory, tree, temp);
    EXPECT_THAT(said, HasSubstr("sha256"));
    EXPECT_THAT(said, HasSubstr("permissions"));
    EXPECT_THAT(said, HasSubstr("modification time"));
    EXPECT_THAT(said, HasSubstr("missing: ./d"));
}

TEST_F(Fidelity, SizesAroundBlocksAndBuffers) {
    for (const std::size_t size :
         {1UL, 511UL, 512UL, 513UL, (4UL << 20) - 1, 4UL << 20, (4UL << 20) + 1, (5UL << 20) + 777}) {
        std::string content(size, '\0');
        for (std::size_t i = 0; i < size; ++i)
            content[i] = static_cast<char>('a' + i * 31 % 23);
        put(tree / std::to_string(size), content);
    }
    const Made made = round_trip();
    EXPECT_EQ(made.result.tally.files, 8U);
    EXPECT_EQ(made.result.tally.bytes, 1 + 511 + 512 + 513 + (17UL << 20) + 777);
    EXPECT_EQ(made.tar.size() % 512, 0U);
}

TEST_F(Fidelity, ASingleFile) {
    put(temp / "one.conf", "setting");
    const Made made = make(temp / "one.conf");
    EXPECT_EQ(listing(made.tar), std::vector<std::string>{"data/one.conf"});
    extract(made.tar, temp / "out");
    EXPECT_EQ(get(temp / "out/data/one.conf"), "setting");
    EXPECT_EQ(made.result.tally.entries, 1U);
    fs::create_directory(temp / "only");
    fs::rename(temp / "out/data/one.conf", temp / "only/one.conf");
    EXPECT_EQ(mtree(made.inventory, temp / "only", temp), "");
}

TEST_F(Fidelity, ARootThatIsNone) {
    EXPECT_THROW(make(temp / "missing"), Error);
    fs::create_directory_symlink(tree, temp / "link");
    EXPECT_THROW(make(temp / "link"), Error);
    EXPECT_THROW(make(temp / "link/"), Error);
    ASSERT_EQ(mkfifo((temp / "fifo").c_str(), 0600), 0);
    EXPECT_THROW(make(temp / "fifo"), Error);
    EXPECT_EQ(make(tree / "").result.tally.entries, 1U);
}

TEST_F(Fidelity, SystemFoldersNamesAreNothingSpecial) {
    for (const char* name : {"dev", "proc", "sys", "tmp"}) {
        fs::create_directory(tree / name);
        put(tree / name / "null", name);
    }
    EXPECT_EQ(round_trip().result.tally.files, 4U);
}

TEST_F(Fidelity, InTheOrderOfBytes) {
    for (const char* name : {"b", "a", "B", "\xc3\xa4", "a-", "a/x"})
        (name[1] == '/')
            ? (void)(fs::remove(tree / "a"), fs::create_directory(tree / "a"), put(tree / name, ""))
            : put(tree / name, "");
    EXPECT_EQ(listing(make(tree).tar), (std::vector<std::string>{"data/", "data/B", "data/a/", "data/a/x",
                                                                 "data/a-", "data/b", "data/\xc3\xa4"}));
}

TEST_F(Fidelity, SocketsAreSkippedAndNamed) {
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string path = tree / "sock";
    ASSERT_LT(path.size(), sizeof address.sun_path);
    path.copy(address.sun_path, path.size());
    ASSERT_EQ(bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    put(tree / "x", "y");
    const Made made = make(tree);
    close(fd);
    EXPECT_EQ(listing(made.tar), (std::vector<std::string>{"data/", "data/x"}));
    EXPECT_EQ(mtree(made.inventory, tree, temp), "extra: sock\n");
    EXPECT_EQ(made.result.tally.skipped, 1U);
    EXPECT_EQ(made.report,
              "{\"entry\": \"data/sock\", \"what\": \"skipped\", \"why\": \"it is a socket\"}\n");
    EXPECT_EQ(made.inventory.find("sock"), std::string::npos);
}

TEST_F(Fidelity, Excluded) {
    fs::create_directories(tree / "cache/deep");
    fs::create_directories(tree / "sub/.miraclemax-x");
    fs::create_directories(tree / ".miraclemax-abc/staged");
    put(tree / "cache/deep/f", "x");
    put(tree / "a.log", "x");
    put(tree / "sub/b.log", "x");
    put(tree / "sub/keep", "x");
    const Made made = make(tree, {"*.log", "cache/"});
    EXPECT_EQ(listing(made.tar),
              (std::vector<std::string>{"data/", "data/sub/", "data/sub/.miraclemax-x/", "data/sub/keep"}));
    EXPECT_EQ(made.result.tally.excluded, 3U);
    EXPECT_EQ(made.result.tally.entries, 4U);
    EXPECT_EQ(made.report, "");
    EXPECT_THROW(make(tree, {"!x"}), Error);
}

TEST_F(Fidelity, OtherFileSystems) {
    if (getuid() != 0)
        GTEST_SKIP() << "needs root";
    fs::create_directory(tree / "mount");
    put(tree / "after", "x");
    put(tree / "zfile", "below");
    if (mount("tmpfs", (tree / "mount").c_str(), "tmpfs", 0, "mode=0711") != 0)
        GTEST_SKIP() << "can't mount";
    put(tree / "mount/inside", "secret");
    const bool file =
        mount((tree / "mount/inside").c_str(), (tree / "zfile").c_str(), nullptr, MS_BIND, nullptr) == 0;
    const Made made = make(tree);
    umount2((tree / "zfile").c_str(), MNT_DETACH);
    umount2((tree / "mount").c_str(), MNT_DETACH);
    EXPECT_EQ(made.tar.find("secret"), std::string::npos);
    EXPECT_EQ(made.result.tally.elsewhere, file ? 2U : 1U);
    EXPECT_EQ(made.result.tally.skipped, 0U);
    EXPECT_EQ(listing(made.tar), (std::vector<std::string>{"data/", "data/after", "data/mount/"}));
    EXPECT_THAT(made.report, HasSubstr("\"data/mount\", \"what\": \"elsewhere\""));
}

} // namespace
} // namespace miraclemax::archive::test
