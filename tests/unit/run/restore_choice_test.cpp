#include "run/restore_choice.hpp"

#include "error.hpp"
#include "unit/run/restoring_house.hpp"

#include <gmock/gmock.h>

namespace miraclemax::run {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class Choosing : public Restoring {
protected:
    static std::vector<std::string> named(const RestorePlan& plan) {
        std::vector<std::string> names;
        for (const auto& group : plan.groups)
            for (const auto& item : group.items)
                names.push_back(item.record.name);
        std::sort(names.begin(), names.end());
        return names;
    }
    std::vector<Chosen> chosen(const RestoreRequest& request = {}) {
        const store::BackupFolder folder(settings.backups);
        return chosen_by(plan(request), catalog::Catalog(folder));
    }
};

// The volume was deleted by mistake, and the night's run was whole without it.
TEST_F(Choosing, WhatTheNewestWholeBackupIsWithoutIsNamed) {
    add("gone", "");
    const auto first = back_up().manifest.id;
    engine.remove_volume("gone");
    back_up();
    const auto planned = plan();
    EXPECT_THAT(named(planned), ElementsAre("data"));
    ASSERT_EQ(planned.left_out.size(), 1U);
    EXPECT_EQ(planned.left_out.front().component, "gone");
    EXPECT_EQ(planned.left_out.front().id, first);
    EXPECT_FALSE(planned.left_out.front().from.empty());
    EXPECT_THAT(planned.warnings, Contains(AllOf(HasSubstr("gone is NOT restored"), HasSubstr(first),
                                                 HasSubstr("`miraclemax restore --component gone`"))));
    EXPECT_THAT(named(plan({.components = {"gone"}})), ElementsAre("gone"));
    EXPECT_THAT(plan({.components = {"data"}}).left_out, IsEmpty());
    EXPECT_THAT(plan({.backup = first}).left_out, IsEmpty());
}

TEST_F(Choosing, WhatFailedOrIsOptionalIsNotLeftOut) {
    add("rare", "", {{"miraclemax.backup", "optional"}});
    add("db", "server");
    back_up({.full = true});
    engine.fail_next("pause", "server", Error(ExitCode::podman, "no"), 9);
    engine.fail_next("stop", "server", Error(ExitCode::podman, "no"), 9);
    back_up();
    const auto planned = plan();
    EXPECT_THAT(named(planned), ElementsAre("data", "db", "rare"));
    EXPECT_THAT(planned.left_out, IsEmpty());
}

TEST_F(Choosing, AComponentThatIsAskedForTwiceIsRestoredOnce) {
    const auto id = back_up().manifest.id;
    for (const std::string& backup : {std::string(), id})
        EXPECT_THAT(named(plan({.backup = backup, .components = {"data", "data"}})), ElementsAre("data"));
    EXPECT_THAT(named(plan({.components = {"data", "data"}, .only = "file"})), ElementsAre("data"));
    EXPECT_EQ(restore_all({.components = {"data", "data"}}).code, ExitCode::ok);
}

TEST_F(Choosing, ABackupOfWhichAllIsTakenIsVerifiedAsAWhole) {
    add("more", "");
    const auto first = back_up().manifest.id;
    ASSERT_EQ(chosen().size(), 1U);
    EXPECT_EQ(chosen().front().id, first);
    EXPECT_THAT(chosen().front().components, IsEmpty());
    EXPECT_THAT(chosen({.components = {"more"}}).front().components, ElementsAre("more"));
    const auto second = back_up({.components = {"data"}}).manifest.id;
    ASSERT_EQ(chosen().size(), 2U);
    EXPECT_EQ(chosen()[0].id, first);
    EXPECT_THAT(chosen()[0].components, ElementsAre("more"));
    EXPECT_EQ(chosen()[1].id, second);
    EXPECT_THAT(chosen()[1].components, IsEmpty());
}

// What is still to be had, where an archive is damaged.
class Proving : public Choosing {
protected:
    void damage(const std::string& id, const std::string& component) const {
        const auto archive = settings.backups / id / ("volumes/" + component + ".tar.gz");
        std::filesystem::resize_file(archive, std::filesystem::file_size(archive) - 40);
    }
    // What it ends with, and what it tells to do.
    std::pair<ExitCode, std::string> refused(const RestoreRequest& request = {}) {
        try {
            prove(context(), follower, plan(request), {.signers = {}, .unsigned_is_fine = true});
        } catch (const Error& error) {
            return {error.code(), error.remedy()};
        }
        return {ExitCode::ok, ""};
    }
};

TEST_F(Proving, ABadArchiveNamesTheGoodOnesAndTheOneBefore) {
    add("more", "");
    add("third", "");
    const auto first = back_up().manifest.id;
    const auto second = back_up().manifest.id;
    EXPECT_EQ(refused().first, ExitCode::ok);
    damage(second, "data");
    const auto [code, remedy] = refused();
    EXPECT_EQ(code, ExitCode::damaged);
    EXPECT_THAT(remedy,
                HasSubstr("whole: `--from-backup " + second + " --component more --component third`"));
    EXPECT_THAT(remedy, HasSubstr("data from before: `--from-backup " + first + " --component data`"));
    EXPECT_EQ(refused({.backup = second, .components = {"more", "third"}}).first, ExitCode::ok);
    EXPECT_EQ(refused({.backup = first, .components = {"data"}}).first, ExitCode::ok);
    damage(first, "data");
    EXPECT_THAT(refused({.backup = first}).second, HasSubstr("no older backup holds data"));
}

TEST_F(Proving, EveryBadBackupIsNamedAndAGroupComesFromOneMoment) {
    add("more", "", {{"miraclemax.group", "both"}});
    add("other", "", {{"miraclemax.group", "both"}});
    const auto first = back_up().manifest.id;
    const auto second = back_up().manifest.id;
    const auto third = back_up({.components = {"data"}}).manifest.id;
    damage(second, "more");
    damage(third, "data");
    try {
        prove(context(), follower, plan(), {.signers = {}, .unsigned_is_fine = true});
        FAIL() << "they are damaged";
    } catch (const Error& error) {
        EXPECT_THAT(error.what(), AllOf(HasSubstr(second), HasSubstr(third)));
        EXPECT_THAT(error.remedy(),
                    HasSubstr("`--from-backup " + first + " --component more --component other`"));
        EXPECT_THAT(error.remedy(), HasSubstr("`--from-backup " + second + " --component data`"));
        EXPECT_THAT(error.remedy(), Not(HasSubstr("whole:")));
    }
}

} // namespace
} // namespace miraclemax::run
