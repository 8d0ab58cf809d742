// Archives that nobody made with good intent: every one is refused, and nothing outside is touched. Their
// manifest says the right size and sha256, and their inventory what the archive has, unless it is about
// these.
#include "error.hpp"
#include "unit/archive/hostile_case.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/stat.h>

namespace fs = std::filesystem;

namespace miraclemax::archive::test {
namespace {

class UnpackHostile : public testing::Test {
protected:
    TempFolder temp;
    fs::path outside = temp / "outside";
    std::map<std::string, std::string> before;

    void SetUp() override {
        fs::create_directories(outside / "deep");
        put(outside / "canary", "alive");
        put(outside / "deep/canary", "alive");
        set_attribute(outside / "canary", "user.canary", "alive");
        fs::create_symlink("canary", outside / "link");
        put(temp / "sibling", "alive");
        fs::create_directory(temp / "out");
    }

    // What lies around the folder that is unpacked into, with all that a change would show in.
    std::map<std::string, std::string> around() const {
        auto all = snapshot(temp.path());
        std::erase_if(all,
                      [](const auto& one) { return one.first.starts_with("out/") || one.first == "out"; });
        for (auto& [name, line] : all) {
            struct stat s {};
            (void)lstat((temp / name).c_str(), &s);
            if (!name.empty())
                line +=
                    " changed " + std::to_string(s.st_ctim.tv_sec) + "." + std::to_string(s.st_ctim.tv_nsec);
        }
        all[""] = "";
        return all;
    }

    void refused(const Case& one) {
        Hostile hostile{.tar = {}, .outside = outside};
        one.build(hostile);
        const Made made = hostile.tar.made();
        Promise promise = promise_of(made);
        promise.single = hostile.single;
        for (const fs::path& into : {fs::path(), temp / "out"}) {
            try {
                (void)unpack(made, promise, into);
                ADD_FAILURE() << one.name << " was taken, into \"" << into << "\"";
            } catch (const Error& error) {
                EXPECT_EQ(error.code(), ExitCode::damaged) << one.name << ": " << error.what();
                EXPECT_THAT(error.what(), testing::HasSubstr(one.says)) << one.name;
                EXPECT_LT(std::string_view(error.what()).size(), 9000U) << one.name;
            }
        }
        fs::remove_all(temp / "out");
        fs::create_directory(temp / "out");
    }

    void all_refused(std::span<const Case> cases) {
        const auto untouched = around();
        for (const Case& one : cases) {
            refused(one);
            const auto now = around();
            expect_same(untouched, now);
            ASSERT_FALSE(HasFailure() && untouched != now) << "by " << one.name;
        }
    }
};

TEST_F(UnpackHostile, Names) {
    all_refused(hostile_names());
}

TEST_F(UnpackHostile, Links) {
    all_refused(hostile_links());
}

TEST_F(UnpackHostile, Headers) {
    all_refused(hostile_headers());
}

TEST_F(UnpackHostile, ExtendedHeaders) {
    all_refused(hostile_records());
}

TEST_F(UnpackHostile, Holes) {
    all_refused(hostile_holes());
}

TEST_F(UnpackHostile, Ends) {
    all_refused(hostile_ends());
}

TEST_F(UnpackHostile, Inventories) {
    all_refused(hostile_inventories());
}

// The builder itself makes good ones, or all of the above would say nothing.
TEST_F(UnpackHostile, AGoodOneIsTaken) {
    TarBuilder tar;
    tar.folder("data/")
        .add(file("data/a"))
        .add(link_to("data/b", '2', outside))
        .add({.name = "data/fifo", .type = '6', .content = "", .link = ""})
        .add(file("data/x"), {{"path", "data/g"}})
        .end();
    const auto untouched = around();
    EXPECT_EQ(unpack(tar.made(), temp / "out").unpacked, 5U);
    expect_same(untouched, around());
    EXPECT_EQ(get(temp / "out/g"), "evil");
    EXPECT_EQ(fs::read_symlink(temp / "out/b"), outside);
}

// A set-uid file, a device, a capability that the inventory does have: the backup's own, so they come back.
TEST_F(UnpackHostile, WhatTheInventoryHasIsNoAttack) {
    TarBuilder tar;
    Header program = file("data/p", "#!");
    program.mode = 04755;
    tar.add(program).end();
    (void)unpack(tar.made(), temp / "out");
    struct stat s {};
    ASSERT_EQ(stat((temp / "out/p").c_str(), &s), 0);
    EXPECT_EQ(s.st_mode & 07777, 04755U);
}

} // namespace
} // namespace miraclemax::archive::test
