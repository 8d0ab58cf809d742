// What the archive's writer makes, through unpack() and back, beside what the stock tar makes of it.
#include "error.hpp"
#include "unit/archive/tar_builder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/sysmacros.h>
#include <unistd.h>

namespace fs = std::filesystem;

namespace miraclemax::archive::test {
namespace {

using testing::HasSubstr;

class Unpack : public testing::Test {
protected:
    TempFolder temp;
    fs::path tree = temp / "tree";
    fs::path out = temp / "out";
    void SetUp() override { fs::create_directory(tree); }

    void sparse(const std::string& name, off_t size, const std::vector<off_t>& data) const {
        const int fd = open((tree / name).c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
        ASSERT_GE(fd, 0);
        ASSERT_EQ(ftruncate(fd, size), 0);
        for (const off_t at : data)
            ASSERT_EQ(pwrite(fd, "data", 4, at), 4);
        close(fd);
    }

    // Through ours and the stock tar: both as the tree, and an archive of ours has the same inventory.
    Unpacked round_trip(bool trusted = false) {
        const auto before = snapshot(tree);
        const Made made = make(tree, {}, trusted);
        EXPECT_EQ(made.result.tally.changed + made.result.tally.unreadable, 0U) << made.report;
        Unpacked unpacked = unpack(made, out, {.only = "", .trusted_xattrs = trusted});
        expect_same(before, snapshot(out));
        EXPECT_EQ(make(out, {}, trusted).inventory, made.inventory);
        (void)extract(made.tar, temp / "stock");
        expect_same(snapshot(temp / "stock/data"), snapshot(out));
        EXPECT_FALSE(unpacked.withheld.any()) << (unpacked.names.empty() ? "" : unpacked.names.front());
        EXPECT_EQ(unpacked.entries, made.result.tally.entries);
        EXPECT_EQ(unpacked.files, made.result.tally.files);
        EXPECT_EQ(unpacked.unpacked, unpacked.entries);
        EXPECT_EQ(unpacked.bytes, made.result.tally.bytes);
        const Unpacked compared = unpack(made, "", {.only = "", .trusted_xattrs = trusted});
        EXPECT_EQ(compared.entries, unpacked.entries);
        EXPECT_EQ(compared.unpacked, 0U);
        return unpacked;
    }
};

TEST_F(Unpack, NamesOfAllBytes) {
    for (int i = 1; i < 256; ++i)
        if (i != '/')
            put(tree / (std::string("x") + static_cast<char>(i) + "y"), std::string(i % 7, 'c'));
    for (const char* name : {"...", "-x", " lead", "foo[1].txt", "c\\*b", "a*b", "q[!a]\\", "#c", "..a",
                             "\xc3\xa4\xc3\xb6", "\xed\xa0\x80", "end ", "a\\Xb", "# meta sha256=1"})
        put(tree / name, name);
    fs::create_directory(tree / "d *[x]");
    put(tree / "d *[x]" / "in", "1");
    fs::create_directory(tree / std::string(255, 'm'));
    put(tree / std::string(255, 'm') / std::string(255, 'o'), "longer");
    fs::create_directory(tree / "\xff\xfe");
    fs::create_hard_link(tree / "end ", tree / "\xff\xfe" / "z\xff");
    fs::create_symlink(std::string(3000, 'l'), tree / "long link");
    fs::create_symlink("t\xff *#\\\n/../x", tree / "odd link");
    round_trip();
}

TEST_F(Unpack, KindsModesOwnersTimes) {
    fs::create_directories(tree / "empty");
    fs::create_directories(tree / "sticky/below");
    put(tree / "suid", "#!");
    ASSERT_EQ(mkfifo((tree / "fifo").c_str(), 0640), 0);
    fs::create_symlink("nowhere", tree / "link");
    if (getuid() == 0) {
        put(tree / "none", "");
        put(tree / "far owner", "x");
        ASSERT_EQ(chown((tree / "suid").c_str(), 1, 2), 0);
        ASSERT_EQ(chown((tree / "far owner").c_str(), 2000000000, 2000000001), 0);
        ASSERT_EQ(lchown((tree / "link").c_str(), 4000000000U, 7), 0);
        ASSERT_EQ(chown(tree.c_str(), 70, 71), 0);
        ASSERT_EQ(mknod((tree / "char").c_str(), S_IFCHR | 0620, makedev(300, 70000)), 0);
        ASSERT_EQ(mknod((tree / "far char").c_str(), S_IFCHR | 0620, makedev(4000, 1000000)), 0);
        ASSERT_EQ(mknod((tree / "block").c_str(), S_IFBLK | 0660, makedev(7, 1)), 0);
        ASSERT_EQ(chmod((tree / "none").c_str(), 0), 0);
    }
    ASSERT_EQ(chmod((tree / "suid").c_str(), 06751), 0);
    ASSERT_EQ(chmod((tree / "sticky").c_str(), 03777), 0);
    const struct {
        const char* name;
        long long seconds;
        long nanoseconds;
    } times[] = {{"t0", 0, 0},          {"t1", 0, 1},
                 {"t2", -1, 0},         {"t3", -2, 500000000},
                 {"t4", -10000, 1},     {"t5", 4200000000, 123456789},
                 {"t7", 20000000, 100}, {"t8", -315619200, 250000000}};
    for (const auto& t : times) {
        put(tree / t.name, t.name);
        set_time(tree / t.name, t.seconds, t.nanoseconds);
    }
    set_time(tree / "link", -77, 5);
    set_time(tree / "fifo", 77, 5);
    set_time(tree / "empty", 1, 1);
    ASSERT_EQ(chmod(tree.c_str(), 02755), 0);
    set_time(tree, 86400, 42);
    round_trip();
}

TEST_F(Unpack, TheSecondBefore1970) {
    put(tree / "f", "x");
    set_time(tree / "f", -1, 500000000);
    const Made made = make(tree);
    unpack(made, out);
    struct stat s {};
    ASSERT_EQ(stat((out / "f").c_str(), &s), 0);
    EXPECT_EQ(s.st_mtim.tv_sec, -1);
    EXPECT_EQ(s.st_mtim.tv_nsec, 0);
}

TEST_F(Unpack, Hardlinks) {
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
    round_trip();
}

TEST_F(Unpack, HolesStayHoles) {
    const off_t mib = 1 << 20;
    sparse("holes", 20 * mib, {mib, 10 * mib, 20 * mib - 4});
    sparse("one hole", 20 * mib, {});
    sparse("small", 3 * mib, {0, 2 * mib});
    sparse("ends in a hole", 6 * mib, {0});
    sparse("tiny", 100, {});
    sparse("odd \xff", mib, {8192});
    std::vector<off_t> many;
    for (off_t at = 0; at < 8 * mib; at += 8192)
        many.push_back(at);
    sparse("many parts", 8 * mib, many);
    round_trip();
    for (const char* name : {"holes", "one hole", "small", "ends in a hole", "many parts"}) {
        struct stat a {
        }, b{};
        ASSERT_EQ(stat((tree / name).c_str(), &a), 0);
        ASSERT_EQ(stat((out / name).c_str(), &b), 0);
        EXPECT_LE(b.st_blocks, a.st_blocks + 8) << name;
    }
}

TEST_F(Unpack, HolesTooBigToHash) {
    sparse("huge", 1LL << 40, {1LL << 39});
    set_attribute(tree / "huge", "user.k", "v");
    fs::create_hard_link(tree / "huge", tree / "other name");
    const Made made = make(tree);
    ASSERT_THAT(made.inventory, HasSubstr("\n# data sha256="));
    unpack(made, out);
    EXPECT_EQ(make(out).inventory, made.inventory);
    EXPECT_EQ(fs::file_size(out / "huge"), 1ULL << 40);
}

// Other bytes, and the same bytes elsewhere.
TEST_F(Unpack, DataAmongHugeHolesIsCompared) {
    const auto refusal = [](const Made& made) -> std::string {
        try {
            (void)unpack(made, "");
        } catch (const Error& error) {
            return error.what();
        }
        return "none";
    };
    const auto digest = [](Made& made) { return made.inventory.substr(made.inventory.find("# data"), 79); };
    sparse("huge", 1LL << 30, {1LL << 29});
    Made made = make(tree);
    const auto first = digest(made);
    for (const off_t at : {(off_t{1} << 29) + 4096, off_t{1} << 28}) {
        fs::remove(tree / "huge");
        sparse("huge", 1LL << 30, {at});
        made = make(tree);
        ASSERT_NE(digest(made), first);
        made.inventory.replace(made.inventory.find("# data"), first.size(), first);
        EXPECT_THAT(refusal(made), HasSubstr("huge: its content is not that of the inventory"));
    }
    made.inventory.erase(made.inventory.find("# data"), first.size());
    EXPECT_THAT(refusal(made), HasSubstr("sha256digest"));
}

TEST_F(Unpack, AttributesAndAcls) {
    fs::create_directory(tree / "dir");
    fs::create_directory(tree / "dir/below");
    fs::create_directory(tree / "only default");
    put(tree / "dir/f", "x");
    put(tree / "plain", "x");
    set_attribute(tree / "dir/f", "user.zero", std::string_view("a\0b\n", 4));
    set_attribute(tree / "dir/f", "user.empty", "");
    set_attribute(tree / "dir/f", "user.a=b%41", "equals");
    set_attribute(tree / "dir/f", "user.long", std::string(2000, 'x'));
    set_attribute(tree / "dir", "user.dir", "d");
    set_attribute(tree, "user.root", "r");
    const fs::path f = tree / "dir/f";
    const char* acl = "u:1234:rwx,u:4294967294:r,g:3000000000:r,g:55:r,m::rx";
    ASSERT_EQ(run({"setfacl", "-m", acl, f}).status, 0);
    ASSERT_EQ(run({"setfacl", "-m", "u:77:rw,d:u:1234:rwx,d:g:3:rx", tree / "dir"}).status, 0);
    ASSERT_EQ(run({"setfacl", "-m", "d:u::rwx,d:g::-,d:o::-", tree / "only default"}).status, 0);
    ASSERT_EQ(run({"setfacl", "-m", "d:g:9:rwx", tree}).status, 0);
    if (getuid() == 0) {
        set_attribute(tree / "plain", "security.capability",
                      std::string_view("\1\0\0\2\0\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20));
        ASSERT_EQ(chown(f.c_str(), 5, 6), 0);
        set_attribute(tree / "plain", "trusted.t", "t");
        set_attribute(tree / "dir", "trusted.d", "t");
        fs::create_symlink("x", tree / "link");
        set_attribute(tree / "link", "trusted.l", "l");
        ASSERT_EQ(mkfifo((tree / "fifo").c_str(), 0600), 0);
        set_attribute(tree / "fifo", "trusted.f", "f");
        ASSERT_EQ(run({"setfacl", "-m", "u:8:rw", tree / "fifo"}).status, 0);
    }
    round_trip(true);
}

TEST_F(Unpack, DeeperThanAnyPath) {
    const int levels = 450;
    int folder = open(tree.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (int i = 0; i < levels; ++i) {
        const std::string name = "level" + std::to_string(i) + "xxxx";
        ASSERT_EQ(mkdirat(folder, name.c_str(), 0750), 0);
        const int next = openat(folder, name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (i % 100 == 99) {
            const int fd = openat(folder, "a file", O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
            ASSERT_EQ(linkat(folder, "a file", folder, "z link", 0), 0);
            close(fd);
        }
        close(folder);
        folder = next;
    }
    close(folder);
    const Made made = make(tree);
    const Unpacked unpacked = unpack(made, out);
    EXPECT_EQ(unpacked.entries, levels + 9U);
    EXPECT_EQ(make(out).inventory, made.inventory);
}

} // namespace
} // namespace miraclemax::archive::test
