// What a killed restore left, put in order where podman isn't.
#include "unit/cli/bare_host.hpp"

#include "archive/staging.hpp"
#include "quiesce/journal.hpp"
#include "stream/fault_point.hpp"

#include <gmock/gmock.h>

namespace miraclemax::cli {
namespace {

using test::content;
using testing::HasSubstr;
using testing::Not;

#ifdef MIRACLEMAX_FAULT_POINTS
class BareRecover : public BareHost {
protected:
    // A dead restore --to: unpacked beside what is there, and to be swapped.
    void staged(bool with_podman = false) {
        fs::remove_all(rescue());
        test::put(rescue() / "file", "old");
        test::put(rescue() / "other", "old");
        archive::begin_staging(site());
        for (const char* name : {"file", "more"})
            test::put(rescue() / ".miraclemax-dead-run/new" / name, "new");
        archive::seal(site());
        keep({.component = "data",
              .backup = "20251016_030000",
              .volume = {},
              .volume_created_at = {},
              .path = rescue(),
              .step = run::Step::swapping,
              .beside = true,
              .group = "data"},
             "dead-run", !with_podman);
    }
    void keep(const run::RestoredComponent& component, const std::string& run, bool no_podman = false) {
        run::RestoreRecords(settings())
            .keep({.run = run, .at = "", .components = {component}, .no_podman = no_podman});
    }
    void frozen() {
        EXPECT_TRUE(test::exited(test::in_child([&] {
                                     quiesce::Journal journal(settings().journals(), "dead-backup");
                                     journal.intend({.id = "1234", .name = "web"});
                                     ::_exit(0); // without a destructor: the entry stays open
                                     return 1;
                                 }),
                                 0));
    }
    // False: it came to its end.
    bool swap_killed_at(int point) {
        const int status = test::in_child([&] {
            ::setenv("MIRACLEMAX_FAULT", (std::to_string(point) + ":kill").c_str(), 1);
            stream::reload_fault_plan();
            archive::swap(site());
            return 0;
        });
        return WIFSIGNALED(status);
    }
    void expect_whole() {
        const bool fresh = content(rescue() / "file") == "new";
        EXPECT_EQ(content(rescue() / "file"), fresh ? "new" : "old");
        EXPECT_EQ(fs::exists(rescue() / "more"), fresh);
        EXPECT_EQ(fs::exists(rescue() / "other"), !fresh);
        EXPECT_EQ(fs::exists(rescue() / ".miraclemax-dead-run"), fresh) << "the old lies aside";
        EXPECT_EQ(fs::exists(settings().restores() / "dead-run.json"), fresh);
    }
    int restore() {
        return run({"restore", "--latest", "--force", "--to=" + (root / "rescue").string(), open_deeply()});
    }
    [[nodiscard]] run::Settings settings() const { return composition.load("").settings; }
    [[nodiscard]] fs::path rescue() const { return root / "rescue/data"; }
    [[nodiscard]] archive::Site site() const {
        return {.root = rescue(), .single = false, .run = "dead-run", .only = {}};
    }
};

TEST_F(BareRecover, AFolderWhoseSwapWasKilledIsPutInOrder) {
    has_podman = false;
    int points = 0;
    for (bool killed = true; killed; ++points) {
        SCOPED_TRACE("point " + std::to_string(points + 1));
        for (const auto& record : run::RestoreRecords(settings()).all())
            run::RestoreRecords(settings()).keep({.run = record.run, .at = "", .components = {}});
        staged();
        killed = swap_killed_at(points + 1);
        EXPECT_EQ(run({"recover"}), 0) << said;
        EXPECT_THAT(said, HasSubstr("ok    component data: holds the "));
        expect_whole();
    }
    EXPECT_GT(points, 3);
}

TEST_F(BareRecover, ThenItIsRestoredToAgain) {
    has_podman = false;
    staged();
    ASSERT_TRUE(swap_killed_at(2));
    EXPECT_EQ(restore(), 10) << said;
    EXPECT_THAT(said, HasSubstr("run `miraclemax recover`"));
    EXPECT_EQ(run({"recover"}), 0) << said;
    EXPECT_EQ(restore(), 1) << said;
    EXPECT_THAT(said, HasSubstr("there is something in " + rescue().string() + " already"));
    std::filesystem::remove_all(rescue());
    EXPECT_EQ(restore(), 0) << said;
    EXPECT_EQ(content(rescue() / "file"), "content");
}

TEST_F(BareRecover, WhatNeedsPodmanStaysAndIsTold) {
    has_podman = false;
    staged();
    ASSERT_TRUE(swap_killed_at(2));
    frozen();
    keep({.component = "db",
          .backup = "20251016_030000",
          .volume = "db-data",
          .volume_created_at = "then",
          .path = root / "volumes/db",
          .step = run::Step::swapping,
          .group = "db"},
         "dead-too");
    const auto left = content(settings().restores() / "dead-too.json");
    EXPECT_EQ(run({"recover"}), 7);
    EXPECT_THAT(said, HasSubstr("ok    component data: holds the "));
    EXPECT_THAT(said, HasSubstr("podman's socket was not found; until it is there, these stay as they are: "
                                "container web, component db"));
    expect_whole();
    EXPECT_EQ(content(settings().restores() / "dead-too.json"), left);
    EXPECT_TRUE(fs::exists(settings().journals() / "dead-backup.journal"));
    EXPECT_EQ(run({"recover"}), 7);
    EXPECT_THAT(said, Not(HasSubstr("nothing to recover")));
    EXPECT_EQ(run({"recover", "--json"}), 7);
    EXPECT_THAT(said, HasSubstr("\"component db\""));
}

// Who uses that folder was stopped for it, and may be up again.
TEST_F(BareRecover, WhatWasRestoredWithPodmanWaitsForIt) {
    has_podman = false;
    staged(true);
    ASSERT_TRUE(swap_killed_at(2));
    const auto left = content(settings().restores() / "dead-run.json");
    EXPECT_EQ(run({"recover"}), 7);
    EXPECT_THAT(said, HasSubstr("these stay as they are: component data"));
    EXPECT_EQ(content(settings().restores() / "dead-run.json"), left);
}

TEST_F(BareRecover, InASidecarItNeedsPodman) {
    has_podman = false;
    staged();
    composition.self_id = [] { return std::string(64, 'a'); };
    EXPECT_EQ(run({"recover"}), 7);
    EXPECT_EQ(content(rescue() / "file"), "old");
    EXPECT_EQ(run::RestoreRecords(settings()).all().size(), 1U);
}
#endif

} // namespace
} // namespace miraclemax::cli
