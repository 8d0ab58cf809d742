// Whoever came up on a root in the middle of its renames has made entries under names that still have to come
// there: they are kept beside, and the root is whole all the same.
#include "unit/archive/staging_scene.hpp"

#include <gmock/gmock.h>

#include <set>

namespace fs = std::filesystem;

namespace miraclemax::archive {
namespace {

using namespace test;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class StagingStrays : public Staging {
protected:
    // The swap was cut off when these had been moved to old/.
    void cut_off(const std::set<std::string>& moved) {
        begin();
        (void)swap(scene.site);
        exchange(scene.site); // so that there is an old/, and all that is known of the root
        put(scene.staging() / "phase", "aside\n");
        for (const auto& name : moved)
            fs::rename(scene.site.root / name, scene.staging() / "old" / name);
    }
    // What is in strays/, by its name: the contents.
    std::multiset<std::string> kept(const std::string& name) {
        std::multiset<std::string> contents;
        if (fs::exists(scene.staging() / "strays"))
            for (const auto& number : fs::directory_iterator(scene.staging() / "strays"))
                for (const auto& entry : fs::directory_iterator(number))
                    if (entry.path().filename() == name)
                        contents.insert(get(entry.is_directory() ? entry.path() / "inner" : entry.path()));
        return contents;
    }
};

TEST_F(StagingStrays, AreKeptWhereTheOldDataComesBack) {
    cut_off({"both", "deep"});
    put(scene.site.root / "both", "a stranger");
    fs::create_directory(scene.site.root / "deep");
    put(scene.site.root / "deep/inner", "a stranger's");
    EXPECT_EQ(settle(scene.site), Holds::old_data);
    expect_same(old, scene.tree());
    EXPECT_THAT(kept("both"), ElementsAre("a stranger"));
    EXPECT_THAT(kept("deep"), ElementsAre("a stranger's"));
    const std::string folder = ".miraclemax-" + scene.site.run;
    EXPECT_THAT(strays(scene.site), ElementsAre(folder + "/strays/1/both", folder + "/strays/1/deep"));
    for (const char* gone : {"new", "old", "phase", "dropping"})
        EXPECT_FALSE(fs::exists(scene.staging() / gone)) << gone;
    EXPECT_EQ(settle(scene.site), Holds::unknown) << "but for strays";
    discard(scene.site);
    EXPECT_THAT(strays(scene.site), SizeIs(2));
    sweep_staging(scene.site);
    EXPECT_FALSE(fs::exists(scene.staging()));
    EXPECT_THAT(strays(scene.site), IsEmpty());
    expect_same(old, scene.tree());
}

TEST_F(StagingStrays, AreKeptWhereTheNewDataIsFinished) {
    begin();
    (void)swap(scene.site);
    put(scene.staging() / "phase", "in\n");
    fs::rename(scene.site.root / "both", scene.staging() / "new/both");
    put(scene.site.root / "both", "a stranger");
    EXPECT_EQ(settle(scene.site), Holds::new_data);
    expect_same(fresh, scene.tree());
    exchange(scene.site);
    expect_same(old, scene.tree());
    exchange(scene.site);
    discard(scene.site);
    expect_same(fresh, scene.tree());
    EXPECT_THAT(kept("both"), ElementsAre("a stranger"));
}

TEST_F(StagingStrays, OneOfTheSameNameIsNotOverwritten) {
    cut_off({"both"});
    for (const char* number : {"1", "2"}) {
        fs::create_directories(scene.staging() / "strays" / number);
        put(scene.staging() / "strays" / number / "both", std::string("earlier ") + number);
    }
    put(scene.site.root / "both", "a stranger");
    EXPECT_EQ(settle(scene.site), Holds::old_data);
    EXPECT_THAT(kept("both"), ElementsAre("a stranger", "earlier 1", "earlier 2"));
}

TEST_F(StagingStrays, OnlySettlingMakesWay) {
    begin();
    fs::create_directory(scene.staging() / "old");
    put(scene.staging() / "old/both", "there before");
    EXPECT_THAT(refusal([&] { (void)swap(scene.site); }), HasSubstr("both appeared in"));
    EXPECT_EQ(get(scene.site.root / "both"), "old");
    EXPECT_EQ(get(scene.staging() / "old/both"), "there before");
    EXPECT_THAT(strays(scene.site), IsEmpty());
}

// Under a name that is nobody else's, and so in nobody's way.
TEST_F(StagingStrays, OfAnyNameAreKeptWhereTheNewDataGoes) {
    begin();
    (void)swap(scene.site);
    put(scene.site.root / "another", "a stranger");
    exchange(scene.site);
    expect_same(old, scene.tree());
    abandon(scene.site);
    expect_same(old, scene.tree());
    EXPECT_THAT(strays(scene.site), ElementsAre(".miraclemax-" + scene.site.run + "/strays/1/another"));
    EXPECT_THAT(kept("another"), ElementsAre("a stranger"));
    EXPECT_FALSE(fs::exists(scene.staging() / "new"));
}

TEST_F(StagingStrays, OfAnyNameAreKeptWhereASwapCanNotBeFinished) {
    begin();
    (void)swap(scene.site);
    put(scene.staging() / "phase", "in\n");
    put(scene.site.root / "another", "a stranger");
    fs::remove_all(scene.staging() / "new.root");
    put(scene.staging() / "new.root", "no folder");
    EXPECT_EQ(settle(scene.site), Holds::old_data);
    expect_same(old, scene.tree());
    EXPECT_THAT(kept("another"), ElementsAre("a stranger"));
}

TEST_F(StagingStrays, OfAnyNameAreKeptWhereASwapWasTakenBack) {
    begin();
    put(scene.staging() / "new/another", "a stranger");
    discard(scene.site);
    EXPECT_THAT(kept("another"), ElementsAre("a stranger"));
}

TEST_F(StagingStrays, OfAnEmptyArchiveAllIsOne) {
    scene.make_old();
    ASSERT_TRUE(begin_staging(scene.site));
    seal(scene.site);
    (void)swap(scene.site);
    put(scene.site.root / "another", "a stranger");
    exchange(scene.site);
    abandon(scene.site);
    EXPECT_THAT(kept("another"), ElementsAre("a stranger"));
}

TEST_F(StagingStrays, NothingIsOneWhereTheUserLetsGoOfTheNewData) {
    begin();
    (void)swap(scene.site);
    put(scene.site.root / "another", "made by the application");
    exchange(scene.site);
    discard(scene.site);
    EXPECT_FALSE(fs::exists(scene.staging()));
}

TEST_F(StagingStrays, ANameThatAnEarlierVersionDidNotNoteGoes) {
    begin();
    fs::remove(scene.staging() / "names");
    (void)swap(scene.site);
    put(scene.site.root / "another", "a stranger");
    exchange(scene.site);
    abandon(scene.site);
    EXPECT_FALSE(fs::exists(scene.staging()));
}

#ifdef MIRACLEMAX_FAULT_POINTS

TEST_F(StagingStrays, OfAnyNameAreKeptWhereverItIsKilled) {
    bool ended = false;
    for (int k = 1; !ended && !HasFailure(); ++k) {
        SCOPED_TRACE(k);
        begin();
        (void)swap(scene.site);
        for (const char* name : {"another", "one more"})
            put(scene.site.root / name, "a stranger");
        exchange(scene.site);
        ended = with_fault(std::to_string(k) + ":kill", [&] { abandon(scene.site); }) == 0;
        if (!ended)
            abandon(scene.site);
        for (const char* name : {"another", "one more"})
            EXPECT_THAT(kept(name), ElementsAre("a stranger"));
        EXPECT_FALSE(fs::exists(scene.staging() / "new"));
        expect_same(old, scene.tree());
    }
}

class StagingStrayFaults : public StagingStrays, public ::testing::WithParamInterface<const char*> {
protected:
    // Who came up made one of everything that is missed. As files and as folders.
    void come_up() {
        const auto phase = fs::exists(scene.staging() / "phase") ? this->phase() : "";
        const fs::path slot = scene.staging() / (phase == "in\n" ? "new" : "old");
        if ((phase != "aside\n" && phase != "in\n") || !fs::exists(slot))
            return;
        const std::string only = GetParam();
        if (!only.empty())
            make(slot, only);
        else
            for (const auto& entry : fs::directory_iterator(slot))
                make(slot, entry.path().filename());
    }
    void make(const fs::path& slot, const std::string& name) {
        const fs::path path = scene.site.root / name;
        if (fs::exists(fs::symlink_status(path)) || !fs::exists(fs::symlink_status(slot / name)))
            return;
        const std::string content = "stranger " + std::to_string(++number);
        const bool as_folder = number % 2 == 0;
        if (as_folder)
            fs::create_directory(path);
        put(as_folder ? path / "inner" : path, content);
        made[path.filename()].insert(content);
    }
    void cut_swap(int point) {
        scene.site.only = GetParam();
        begin();
        made.clear();
        ended = with_fault(std::to_string(point) + ":kill", [&] { (void)swap(scene.site); }) == 0;
        come_up();
        most = std::max(most, made.size());
    }
    Tree told(Tree tree) const { // of one path, the folders around it have times of their own
        if (*GetParam() != '\0')
            for (auto& [name, line] : tree)
                if (name.empty() || name == "deep")
                    line = "";
        return tree;
    }
    void expect_nothing_lost(const std::string& when) {
        const Holds holds = settle(scene.site);
        const Tree now = scene.tree();
        if (holds == Holds::new_data)
            EXPECT_EQ(told(now), told(after)) << when;
        else
            EXPECT_EQ(now, old) << when;
        for (const auto& [name, contents] : made)
            EXPECT_EQ(kept(name), contents) << when;
    }
    void learn() {
        scene.site.only = GetParam();
        begin();
        (void)swap(scene.site);
        after = scene.tree();
    }

    Tree after;
    std::map<std::string, std::multiset<std::string>> made;
    std::size_t most = 0;
    int number = 0;
    bool ended = false;
};
INSTANTIATE_TEST_SUITE_P(
    Of, StagingStrayFaults, ::testing::Values("", "deep/er", "only-new"), [](const auto& one) {
        return std::string(*one.param == '\0' ? "AllOfIt" : one.param[0] == 'd' ? "OnePath" : "ANewPath");
    });

TEST_P(StagingStrayFaults, KilledAnywhereNothingIsLost) {
    learn();
    for (int i = 1; !ended && !HasFailure(); ++i) {
        bool settled = false;
        for (int k = 1; !settled && !ended && !HasFailure(); ++k) {
            cut_swap(i);
            settled = with_fault(std::to_string(k) + ":kill", [&] { (void)settle(scene.site); }) == 0;
            come_up(); // again
            expect_nothing_lost("killed at point " + std::to_string(i) + ", then at " + std::to_string(k));
        }
    }
    EXPECT_GT(most, 0U);
}

TEST_P(StagingStrayFaults, NorWhereSettlingFails) {
    learn();
    for (int i = 1; !ended && !HasFailure(); ++i)
        for (int k = 1; k < 8 && !ended && !HasFailure(); ++k) {
            cut_swap(i);
            (void)with_fault(std::to_string(k) + ":error", [&] { (void)settle(scene.site); });
            come_up();
            expect_nothing_lost("killed at point " + std::to_string(i) + ", failed at " + std::to_string(k));
        }
    EXPECT_GT(most, 0U);
}

#endif

} // namespace
} // namespace miraclemax::archive
