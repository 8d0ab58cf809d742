// Killed and failed at every point, and settled, itself killed at every point: the root is the old or the new
// tree, whole.
#include "unit/archive/staging_scene.hpp"

#include "error.hpp"

#ifdef MIRACLEMAX_FAULT_POINTS

namespace miraclemax::archive {
namespace {

using namespace test;

struct Story {
    const char* name;
    void (*until)(StagingScene&); // what came before
    void (*act)(const Site&);     // what is cut
    const char* only = "";
};

const Story stories[] = {
    {"Swap", [](StagingScene&) {}, [](const Site& site) { (void)swap(site); }},
    {"Exchange", [](StagingScene& scene) { (void)swap(scene.site); },
     [](const Site& site) { exchange(site); }},
    {"ExchangeAgain",
     [](StagingScene& scene) {
         (void)swap(scene.site);
         exchange(scene.site);
     },
     [](const Site& site) { exchange(site); }},
    {"SwapOfOnePath", [](StagingScene&) {}, [](const Site& site) { (void)swap(site); }, "deep/er"},
    {"ExchangeOfANewPath",
     [](StagingScene& scene) {
         (void)swap(scene.site);
         set_time(scene.site.root, 1'700'000'000, 9); // had moved
     },
     [](const Site& site) { exchange(site); }, "only-new"},
};

class StagingFaults : public ::testing::TestWithParam<Story> {
protected:
    // The scene as it is just before the act.
    void set() {
        scene.make_old();
        scene.site.only = GetParam().only;
        scene.stage();
        GetParam().until(scene);
    }
    // What the root may hold: before and after an uncut act.
    void learn() {
        set();
        before = scene.tree();
        GetParam().act(scene.site);
        after = scene.tree();
        ASSERT_NE(before, after);
        scene.make_old();
        old = scene.tree();
        began_new = GetParam().name == std::string("Exchange") ||
                    GetParam().name == std::string("ExchangeOfANewPath");
    }
    // Of one path, the folder around it has a time of its own after the act.
    Tree told(Tree tree) const {
        if (*GetParam().only != '\0')
            for (auto& [name, line] : tree)
                if (name.empty() || name == "deep")
                    line = "";
        return tree;
    }
    void expect_whole(Holds holds, const std::string& when) {
        const bool is_before = (holds == Holds::new_data) == began_new;
        const Tree got = scene.tree();
        const bool same = is_before ? got == before : told(got) == told(after);
        EXPECT_TRUE(same) << when;
        if (!same)
            expect_same(is_before ? before : after, got);
    }

    StagingScene scene;
    Tree before, after, old;
    bool began_new = false;
};
INSTANTIATE_TEST_SUITE_P(Stories, StagingFaults, ::testing::ValuesIn(stories),
                         [](const auto& one) { return std::string(one.param.name); });

TEST_P(StagingFaults, KilledAnywhereAndSettled) {
    learn();
    int points = 0;
    bool ended = false;
    for (int i = 1; !ended && !HasFailure(); ++i) {
        set();
        const int status = with_fault(std::to_string(i) + ":kill", [&] { GetParam().act(scene.site); });
        ASSERT_TRUE(status == 0 || status == 9) << status;
        ended = status == 0;
        points += ended ? 0 : 1;
        expect_whole(settle(scene.site), "killed at point " + std::to_string(i));
        const Tree settled = scene.tree();
        const Holds again = settle(scene.site);
        EXPECT_EQ(scene.tree(), settled);
        expect_whole(again, "settled twice after point " + std::to_string(i));
    }
    EXPECT_GT(points, 10);
}

TEST_P(StagingFaults, SettlingKilledAnywhereIsSettledByTheNext) {
    learn();
    bool ended = false;
    for (int i = 1; !ended && !HasFailure(); ++i) {
        bool settled = false;
        for (int k = 1; !settled && !ended && !HasFailure(); ++k) {
            set();
            ended = with_fault(std::to_string(i) + ":kill", [&] { GetParam().act(scene.site); }) == 0;
            const int status = with_fault(std::to_string(k) + ":kill", [&] { (void)settle(scene.site); });
            ASSERT_TRUE(status == 0 || status == 9) << status;
            settled = status == 0;
            expect_whole(settle(scene.site),
                         "killed at point " + std::to_string(i) + ", then at " + std::to_string(k));
        }
    }
}

TEST_P(StagingFaults, AFailureAnywhereIsUndoneAtOnce) {
    learn();
    bool ended = false;
    for (int i = 1; !ended && !HasFailure(); ++i) {
        set();
        const int status = with_fault(std::to_string(i) + ":error", [&] { GetParam().act(scene.site); });
        ASSERT_TRUE(status == 0 || status == 1) << status;
        ended = status == 0;
        if (!ended)
            expect_whole(began_new ? Holds::new_data : Holds::old_data,
                         "failed at point " + std::to_string(i));
        expect_whole(settle(scene.site), "failed at point " + std::to_string(i) + " and settled");
    }
}

// The same step fails each time, in the undoing too.
TEST_P(StagingFaults, AFailureThatStaysIsSettledWhenItIsGone) {
    learn();
    for (const char* point : {"staging.write", "staging.rename", "staging.fsync", "staging.durable",
                              "staging.move", "staging.moved", "staging.dress", "staging.prepared"}) {
        set();
        const std::string fault = std::string(point) + ":error";
        (void)with_fault(fault, [&] { GetParam().act(scene.site); });
        (void)with_fault(fault, [&] { (void)settle(scene.site); });
        expect_whole(settle(scene.site), point);
    }
}

TEST_P(StagingFaults, SettlingThatCantFinishGoesBack) {
    learn();
    for (int i = 1;; ++i) {
        set();
        if (with_fault(std::to_string(i) + ":kill", [&] { GetParam().act(scene.site); }) == 0)
            break;
        for (int k = 1; k < 4 && !HasFailure(); ++k) {
            (void)with_fault(std::to_string(k) + ":error", [&] { (void)settle(scene.site); });
            expect_whole(settle(scene.site),
                         "killed at " + std::to_string(i) + ", failed at " + std::to_string(k));
        }
    }
}

TEST(StagingFaultsOfTheFolder, BeginningCutAnywhereIsDropped) {
    StagingScene scene;
    scene.make_old();
    const Tree old = scene.tree();
    for (int i = 1;; ++i) {
        const int status = with_fault(std::to_string(i) + ":kill", [&] {
            begin_staging(scene.site);
            put(scene.staging() / "new/x", "half");
            seal(scene.site);
        });
        EXPECT_NE(settle(scene.site), Holds::new_data);
        EXPECT_FALSE(std::filesystem::exists(scene.staging()));
        const Tree got = scene.tree();
        EXPECT_EQ(got, old) << i;
        scene.make_old();
        if (status == 0)
            break;
    }
    for (const char* fault : {"staging.begin:error", "staging.made:error", "staging.begun:error"}) {
        EXPECT_EQ(with_fault(fault, [&] { begin_staging(scene.site); }), 1);
        EXPECT_FALSE(std::filesystem::exists(scene.staging()));
    }
    EXPECT_EQ(scene.tree(), old);
}

TEST(StagingFaultsOfTheFolder, DroppingCutAnywhereIsEndedAndNeverTakenForWhole) {
    StagingScene scene;
    for (const bool swapped : {true, false}) {
        for (int i = 1;; ++i) {
            scene.make_old();
            scene.stage();
            if (swapped)
                (void)swap(scene.site);
            const Tree held = scene.tree();
            const int status = with_fault(std::to_string(i) + ":kill", [&] { discard(scene.site); });
            if (i > 1 && std::filesystem::exists(scene.staging())) {
                EXPECT_THROW((void)swap(scene.site), Error) << i;
                EXPECT_THROW(exchange(scene.site), Error) << i;
                EXPECT_THROW(seal(scene.site), Error) << i;
            }
            (void)settle(scene.site);
            EXPECT_EQ(std::filesystem::exists(scene.staging()), swapped && i == 1) << i;
            discard(scene.site);
            EXPECT_FALSE(std::filesystem::exists(scene.staging())) << i;
            EXPECT_EQ(scene.tree(), held) << i;
            if (status == 0)
                break;
        }
    }
}

} // namespace
} // namespace miraclemax::archive

#endif
