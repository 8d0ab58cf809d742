// Unpacking where not all goes, or not all may be set, and the small parts of it.
#include "archive/acl.hpp"
#include "archive/acl_text.hpp"
#include "archive/earlier_entries.hpp"
#include "error.hpp"
#include "unit/archive/tar_builder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>

#include <sys/resource.h>
#include <sys/sysmacros.h>
#include <unistd.h>

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

namespace miraclemax::archive::test {
namespace {

class UnpackPart : public testing::Test {
protected:
    TempFolder temp;
    fs::path tree = temp / "tree";
    fs::path out = temp / "out";
    void SetUp() override { fs::create_directory(tree); }
};

std::string error_of(const std::function<void()>& act, ExitCode code = ExitCode::damaged) {
    try {
        act();
    } catch (const Error& error) {
        EXPECT_EQ(error.code(), code) << error.what();
        return error.what();
    }
    ADD_FAILURE() << "no error";
    return {};
}

// libarchive's text, and the order of the kernel; an ACL that nobody sorted comes back as it was.
TEST(AclText, BecomesTheKernelsValue) {
    const auto acl =
        acl_of_text("user::rw-,group::r--,other::---,user:9:rwx,user:2:r--,group:7:--x,mask::r-x");
    ASSERT_TRUE(acl);
    EXPECT_EQ(acl->mask, 5U);
    std::vector<std::pair<int, std::uint32_t>> got;
    for (const AclEntry& one : parse_acl(acl->value))
        got.emplace_back(static_cast<int>(one.permissions), one.id);
    const std::uint32_t none = 0xffffffff;
    using P = std::pair<int, std::uint32_t>;
    EXPECT_THAT(got, ElementsAre(P{6, none}, P{7, 9}, P{4, 2}, P{4, none}, P{1, 7}, P{5, none}, P{0, none}));
    for (const char* bad : {"", "user::rw", "user::rwz", "user:x:rwx", "mask:1:rwx", "user::rwx,user::rwx",
                            "other::r--:7", "nobody::rwx", "user:4294967296:rwx", ",", "user:-1:rwx"})
        EXPECT_FALSE(acl_of_text(bad)) << bad;
}

TEST(EarlierEntries, FindsAllOfThemAndHardlyAnyOther) {
    EarlierEntries earlier(20000);
    for (int i = 0; i < 20000; ++i)
        earlier.add("path" + std::to_string(i), "tail");
    int missed = 0, mistaken = 0;
    for (int i = 0; i < 20000; ++i) {
        missed += earlier.has("path" + std::to_string(i), "tail") ? 0 : 1;
        mistaken += earlier.has("path" + std::to_string(i), "tale") ? 1 : 0;
    }
    EXPECT_EQ(missed, 0);
    EXPECT_LE(mistaken, 2);
}

TEST_F(UnpackPart, ASingleFile) {
    put(temp / "one.conf", "setting");
    Made made = make(temp / "one.conf");
    Promise promise = promise_of(made);
    EXPECT_NE(error_of([&] { unpack(made, promise, ""); }), "");
    promise.single = true;
    fs::create_directory(out);
    put(out / "neighbour", "x");
    ASSERT_EQ(chmod(out.c_str(), 0751), 0);
    ASSERT_EQ(run({"setfacl", "-m", "d:u:77:rwx", out}).status, 0);
    const auto before = snapshot(out);
    EXPECT_EQ(unpack(made, promise, out).unpacked, 1U);
    EXPECT_EQ(snapshot(out)["one.conf"], snapshot(temp.path())["one.conf"]);
    fs::remove(out / "one.conf");
    struct stat s {};
    ASSERT_EQ(stat(out.c_str(), &s), 0);
    EXPECT_EQ(s.st_mode & 07777, 0751U);
    EXPECT_EQ(get(out / "neighbour"), "x");
    put(out / "one.conf", "there");
    EXPECT_THAT(error_of([&] { unpack(made, promise, out); }, ExitCode::destination),
                HasSubstr("data/one.conf"));
    EXPECT_EQ(get(out / "one.conf"), "there");
    made.tar.replace(0, 1, "x");
    EXPECT_NE(error_of([&] { unpack(made, promise, ""); }), "");
}

// The folder comes with what a staging folder inherits from its parent.
TEST_F(UnpackPart, NothingIsInherited) {
    fs::create_directory(tree / "d");
    put(tree / "d/f", "x");
    fs::create_directory(out);
    ASSERT_EQ(run({"setfacl", "-m", "d:u:77:rwx,u:78:rwx", out}).status, 0);
    if (getuid() == 0) {
        ASSERT_EQ(chown(out.c_str(), 3, 4), 0);
    }
    ASSERT_EQ(chmod(out.c_str(), 02777), 0);
    unpack(make(tree), out);
    expect_same(snapshot(tree), snapshot(out));
}

TEST_F(UnpackPart, OnlyWhatIsAskedFor) {
    fs::create_directories(tree / "a/b/c");
    fs::create_directories(tree / "a/bb");
    put(tree / "a/b/c/f", "deep");
    put(tree / "a/b/g", "g");
    put(tree / "a/bb/h", "h");
    put(tree / "a/x", "x");
    fs::create_hard_link(tree / "a/x", tree / "a/b/x");
    fs::create_hard_link(tree / "a/b/g", tree / "y");
    ASSERT_EQ(chmod((tree / "a").c_str(), 0711), 0);
    set_time(tree / "a", 5, 6);
    set_time(tree, 7, 8);
    const Made made = make(tree);
    const Unpacked unpacked = unpack(made, out, {.only = "a/b/"});
    EXPECT_EQ(unpacked.unpacked, 7U);
    EXPECT_EQ(unpacked.entries, made.result.tally.entries);
    auto want = snapshot(tree);
    const auto got = snapshot(out);
    ASSERT_EQ(got.size(), 7U);
    for (const char* name : {"", "a", "a/b", "a/b/c", "a/b/c/f"})
        EXPECT_EQ(got.at(name), want.at(name)) << name;
    EXPECT_EQ(unpack(made, temp / "one", {.only = "a/b/c/f"}).unpacked, 5U);
    EXPECT_EQ(get(temp / "one/a/b/c/f"), "deep");
    EXPECT_THAT(error_of([&] { unpack(made, temp / "none", {.only = "a/q"}); }, ExitCode::not_found),
                HasSubstr("data/a/q"));
    // Its content is kept with the other name.
    EXPECT_THAT(error_of([&] { unpack(made, temp / "link", {.only = "a/x"}); }, ExitCode::failed),
                HasSubstr("data/a/b/x"));
}

// As the writer does it when a big file moves while it is read.
TEST_F(UnpackPart, ABigFileThatStandsTwice) {
    put(tree / "big", std::string(5 << 20, '1'));
    const std::string first = make(tree).tar;
    put(tree / "big", "short now");
    put(tree / "next", "x");
    set_attribute(tree / "big", "user.now", "x");
    Made made = make(tree);
    const auto entry = [](const std::string& tar) { return tar.find("data/PaxHeader/big"); };
    made.tar.insert(entry(made.tar), first.substr(entry(first), first.size() - 1024 - entry(first)));
    EXPECT_EQ(unpack(made, out).entries, 3U);
    expect_same(snapshot(tree), snapshot(out));
    EXPECT_EQ(unpack(made, "").bytes, (5U << 20) + 10);
    made.tar.insert(entry(made.tar), first.substr(entry(first), first.size() - 1024 - entry(first)));
    EXPECT_THAT(error_of([&] { unpack(made, ""); }), HasSubstr("data/big: the archive has size="));
}

TEST_F(UnpackPart, WhatAUserMayNotSetIsNamed) {
    if (getuid() != 0)
        GTEST_SKIP() << "needs root";
    put(tree / "f", "x");
    put(tree / "s", "x");
    ASSERT_EQ(chown((tree / "s").c_str(), 5, 5), 0);
    ASSERT_EQ(chmod((tree / "s").c_str(), 06755), 0);
    ASSERT_EQ(mknod((tree / "char").c_str(), S_IFCHR | 0620, makedev(1, 3)), 0);
    fs::create_hard_link(tree / "char", tree / "char2");
    set_attribute(tree / "f", "trusted.t", "t");
    set_attribute(tree / "f", "security.capability",
                  std::string_view("\1\0\0\2\0\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20));
    const Made made = make(tree, {}, true);
    EXPECT_EQ(unpack(made, out).withheld.attributes, 1U); // trusted, and not asked for
    ASSERT_EQ(chmod(temp.path().c_str(), 0755), 0);
    fs::create_directory(temp / "user");
    ASSERT_EQ(chown((temp / "user").c_str(), 1000, 1000), 0);
    EXPECT_TRUE(in_child([&] {
        if (setgid(1000) != 0 || setuid(1000) != 0)
            return false;
        const Unpacked got = unpack(made, temp / "user", {.only = "", .trusted_xattrs = true});
        struct stat s {};
        return got.withheld.devices == 2 && got.withheld.owners == 3 && got.withheld.attributes == 2 &&
               got.unpacked == 3 && got.names.size() == 7 &&
               got.names[0].find("\"entry\": \"data/char\", \"what\": \"withheld\"") != std::string::npos &&
               stat((temp / "user/s").c_str(), &s) == 0 && (s.st_mode & 07777) == 0755;
    }));
}

TEST_F(UnpackPart, AFullDisk) {
    put(tree / "f", std::string(3 << 20, 'x'));
    const Made made = make(tree);
    EXPECT_TRUE(in_child([&] {
        const rlimit limit{.rlim_cur = 1 << 20, .rlim_max = 1 << 20};
        signal(SIGXFSZ, SIG_IGN);
        if (setrlimit(RLIMIT_FSIZE, &limit) != 0)
            return false;
        try {
            unpack(made, out);
        } catch (const Error& error) {
            return error.code() == ExitCode::destination &&
                   std::string_view(error.what()).find("data/f") != std::string_view::npos;
        }
        return false;
    }));
    fs::create_directory(temp / "used");
    put(temp / "used" / "x", "");
    EXPECT_THAT(error_of([&] { unpack(made, temp / "used"); }, ExitCode::failed), HasSubstr("not empty"));
}

TEST_F(UnpackPart, TellsOfItsProgress) {
    for (int i = 0; i < 2500; ++i)
        put(tree / std::to_string(i), "");
    put(tree / "big", std::string(20 << 20, 'x'));
    const Made made = make(tree);
    StringSource tar(made.tar, 1000), inventory(made.inventory, 7); // in crumbs
    std::vector<std::uint64_t> bytes, entries;
    archive::unpack(tar, inventory, promise_of(made), -1, {}, [&](const Unpacked& now) {
        bytes.push_back(now.bytes);
        entries.push_back(now.entries);
    });
    EXPECT_GE(bytes.size(), 5U);
    EXPECT_EQ(entries.back(), 2502U);
    EXPECT_TRUE(std::is_sorted(bytes.begin(), bytes.end()));
}

// A folder that the archive has no entry of, since its format could not hold it.
TEST_F(UnpackPart, AFolderWithoutAnEntry) {
    TarBuilder tar;
    tar.folder("data/").add({.name = "data/a/b/f", .type = '0', .content = "x", .link = ""}).end();
    unpack(tar.made(), out);
    EXPECT_EQ(get(out / "a/b/f"), "x");
    EXPECT_EQ(fs::status(out / "a/b").permissions(), fs::perms::owner_all);
}

// The folders of an entry count once, whatever lies between the entries in them.
TEST_F(UnpackPart, FoldersWithEntriesAreNoneWithout) {
    TarBuilder tar;
    tar.folder("data/").folder("data/a/").folder("data/a/b/");
    for (int i = 1000; i < 1300; ++i) {
        const auto name = "data/a/b/" + std::to_string(i);
        tar.folder(name + "/").folder(name + "/c/").folder(name + "/c/d/");
        tar.add({.name = name + "/c/d/f", .type = '0', .content = "x", .link = ""});
        tar.add({.name = name + "/c/e", .type = '0', .content = "x", .link = ""});
    }
    tar.add({.name = "data/a/c", .type = '0', .content = "x", .link = ""}).end();
    unpack(tar.made(), out);
    EXPECT_EQ(get(out / "a/b/1299/c/d/f"), "x");
}

} // namespace
} // namespace miraclemax::archive::test
