// One archive, cut and flipped everywhere.
#include "error.hpp"
#include "unit/archive/tar_builder.hpp"

#include <gtest/gtest.h>

#include <random>

namespace fs = std::filesystem;

namespace miraclemax::archive::test {
namespace {

class UnpackDamage : public testing::Test {
protected:
    TempFolder temp;
    Made made;
    Promise promise;

    void SetUp() override {
        const fs::path tree = temp / "tree";
        fs::create_directories(tree / "d/e");
        put(tree / "d/f", std::string(3000, 'f'));
        put(tree / "d/e/g [1]", "g");
        put(tree / std::string(150, 'n'), "long");
        fs::create_hard_link(tree / "d/f", tree / "h");
        fs::create_symlink("d/f", tree / "l");
        set_attribute(tree / "d/f", "user.a", "value");
        fs::resize_file((put(tree / "s", "x"), tree / "s"), 1 << 20);
        set_time(tree / "l", -5, 250000000);
        made = make(tree);
        promise = promise_of(made);
        ASSERT_EQ(unpack(made, promise, temp / "good").entries, 9U);
    }

    bool found(const Made& bad, const Promise& told, bool lay_down = false) {
        try {
            (void)unpack(bad, told, lay_down ? temp / "out" : fs::path());
            return false;
        } catch (const Error& error) {
            EXPECT_EQ(error.code(), ExitCode::damaged) << error.what();
            if (lay_down)
                fs::remove_all(temp / "out");
            return true;
        }
    }
};

TEST_F(UnpackDamage, EveryCut) {
    for (std::size_t size = 0; size < made.tar.size(); size += 512) {
        Made cut = made;
        cut.tar.resize(size);
        EXPECT_TRUE(found(cut, promise)) << size;
        EXPECT_TRUE(found(cut, promise_of(cut), true)) << size;
    }
    for (std::size_t size = 0; size < made.inventory.size(); ++size) {
        Made cut = made;
        cut.inventory.resize(size);
        EXPECT_TRUE(found(cut, promise)) << size;
    }
}

TEST_F(UnpackDamage, RandomFlips) {
    std::mt19937 random(2025);
    for (int i = 0; i < 2000; ++i) {
        Made flipped = made;
        std::string& which = i % 2 == 0 ? flipped.tar : flipped.inventory;
        which[random() % which.size()] ^= static_cast<char>(1 << random() % 8);
        EXPECT_TRUE(found(flipped, promise, i % 16 == 0)) << i;
    }
}

// Where a manifest was made for the bad archive too, the inventory still tells of everything that counts.
TEST_F(UnpackDamage, FlipsThatTheManifestAgreesWith) {
    std::mt19937 random(2026);
    int passed = 0;
    for (int i = 0; i < 1000; ++i) {
        Made flipped = made;
        flipped.tar[random() % flipped.tar.size()] ^= static_cast<char>(1 << random() % 8);
        try {
            (void)unpack(flipped, promise_of(flipped), "");
        } catch (const Error& error) {
            EXPECT_EQ(error.code(), ExitCode::damaged) << error.what();
            continue;
        }
        // It lies in what fills up a block, or in the name of an extended header: the same entries.
        if (++passed > 20)
            continue;
        (void)unpack(flipped, promise_of(flipped), temp / "out");
        expect_same(snapshot(temp / "good"), snapshot(temp / "out"));
        fs::remove_all(temp / "out");
    }
    EXPECT_LT(passed, 500);
}

TEST_F(UnpackDamage, SwappedArchives) {
    const fs::path other = temp / "other";
    fs::create_directory(other);
    put(other / "x", "y");
    const Made another = make(other);
    Made mixed = made;
    mixed.tar = another.tar;
    EXPECT_TRUE(found(mixed, promise));
    EXPECT_TRUE(found(mixed, promise_of(mixed)));
    mixed = made;
    mixed.inventory = another.inventory;
    EXPECT_TRUE(found(mixed, promise));
    Promise longer = promise;
    longer.tar_size += 512;
    EXPECT_TRUE(found(made, longer));
    longer.tar_size -= 1024;
    EXPECT_TRUE(found(made, longer));
}

} // namespace
} // namespace miraclemax::archive::test
