#include "run/prune.hpp"

#include "catalog/proofs.hpp"
#include "error.hpp"
#include "run/removals.hpp"
#include "unit/run/stored_backup.hpp"

#include <gmock/gmock.h>

namespace miraclemax::run {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// Stored backups bear times of 2025-10-16; retention looks at them from some day later.
class Pruning : public StoredBackups {
protected:
    Pruning() { settings.retention.rules.days = 1; }

    PruneResult prune_at(int day, bool dry_run = false) {
        store::BackupFolder folder(settings.backups);
        const auto now = std::chrono::sys_days(std::chrono::October / 16 / 2025) + std::chrono::days(day);
        return prune(settings, folder, dry_run, now, stop.get_token());
    }
};

TEST_F(Pruning, RemovesWhatNoRuleKeepsAndProvesTheRest) {
    const auto first = store();
    const auto second = store();
    EXPECT_THAT(prune_at(1).removed, IsEmpty());
    EXPECT_THAT(prune_at(10, true).removed, IsEmpty());
    EXPECT_EQ(ids().size(), 2U);
    EXPECT_THAT(prune_at(10).removed, ElementsAre(first));
    EXPECT_THAT(ids(), ElementsAre(second));
    EXPECT_FALSE(catalog::Proofs(settings.proofs()).of(second).value().files_at.empty());
    EXPECT_EQ(debris(), 0U);
}

TEST_F(Pruning, WhatIsPinnedAndWhatLatestPointsToStay) {
    const auto first = store();
    const auto second = store();
    const auto third = store();
    store::BackupFolder folder(settings.backups);
    folder.pin(first);
    folder.set_latest(second);
    EXPECT_THAT(prune_at(10).removed, IsEmpty());
    folder.unpin(first);
    EXPECT_THAT(prune_at(10).removed, ElementsAre(first));
    EXPECT_THAT(ids(), ElementsAre(second, third));
}

TEST_F(Pruning, WhatIsWithdrawnIsRemovedThoughSomethingOfItIsLeft) {
    const auto first = store(), second = store();
    const auto stuck = settings.backups / first / "stuck";
    std::filesystem::create_directories(stuck);
    const SmallDisk disk(stuck);
    if (!disk.mounted())
        GTEST_SKIP() << "no mounts here";
    const auto result = prune_at(10);
    const auto left = settings.backups / (".removed-" + first) / "stuck";
    EXPECT_THAT(result.removed, ElementsAre(first));
    EXPECT_THAT(result.warnings, ElementsAre(HasSubstr(first + " is removed, but something of it is left")));
    EXPECT_EQ(result.code, ExitCode::incomplete);
    EXPECT_THAT(prune_at(10).warnings, ElementsAre(HasSubstr("what a dead run left is in the way")));
    EXPECT_EQ(::umount2(left.c_str(), MNT_DETACH), 0);
    EXPECT_THAT(prune_at(10).warnings, IsEmpty());
    EXPECT_FALSE(std::filesystem::exists(left.parent_path())); // swept
}

// Where a link leads is nobody's business but its maker's.
TEST_F(Pruning, ALinkInThePlaceOfTheRecordsIsNotFollowed) {
    const auto first = store(), second = store();
    const auto elsewhere = root / "elsewhere";
    std::filesystem::create_directories(elsewhere);
    std::ofstream(elsewhere / ".hidden") << "x";
    std::filesystem::create_directory_symlink(elsewhere, settings.backups / ".removed");
    EXPECT_THAT(prune_at(10).warnings, ElementsAre(HasSubstr(".removed is not a folder, or a link to one")));
    EXPECT_THAT(ids(), ElementsAre(first, second));
    EXPECT_TRUE(std::filesystem::exists(elsewhere / ".hidden"));
    EXPECT_FALSE(std::filesystem::exists(elsewhere / ".spare"));
}

// Proofs and signing key lie on the same disk as the backups: removing needs no room there either.
TEST_F(Pruning, AFullDiskUnderBackupsAndStateIsNoReasonNotToPrune) {
    const SmallDisk disk(root);
    if (!disk.mounted())
        GTEST_SKIP() << "no mounts here";
    std::filesystem::create_directories(settings.backups);
    const auto first = store(), second = store();
    {
        const store::BackupFolder folder(settings.backups);
        Removals(settings, folder).prepare();
    }
    disk.fill();
    const auto result = prune_at(10);
    EXPECT_THAT(result.removed, ElementsAre(first)) << testing::PrintToString(result.warnings);
    EXPECT_THAT(result.warnings, ElementsAre(HasSubstr("can't be kept")));
}

TEST_F(Pruning, ABadNewestBackupCountsForNothing) {
    const auto first = store();
    const auto second = store();
    const auto archive = settings.backups / second / "databases/n8n.tar.gz.gpg";
    std::filesystem::resize_file(archive, std::filesystem::file_size(archive) - 1);
    const auto result = prune_at(10);
    EXPECT_THAT(result.removed, IsEmpty());
    EXPECT_THAT(ids(), ElementsAre(first, second));
    EXPECT_THAT(catalog::Proofs(settings.proofs()).of(second).value().examined_trouble, HasSubstr("n8n"));
}

TEST_F(Pruning, WhileTheClockIsBehindOrFarAheadNothingGoes) {
    store();
    store();
    for (const int day : {-400, 400}) {
        const auto result = prune_at(day);
        EXPECT_THAT(result.removed, IsEmpty()) << day;
        EXPECT_THAT(result.warnings, testing::Not(IsEmpty())) << day;
    }
}

std::map<std::string, std::string> reasons(const PruneResult& result) {
    std::map<std::string, std::string> reasons;
    for (const auto& verdict : result.plan.verdicts)
        reasons[verdict.id] = (verdict.keep ? "keep: " : "go: ") + verdict.reason;
    return reasons;
}

// The configuration names volumes and paths, retention components: the manifests tell which is whose.
TEST_F(Pruning, AComponentHasRulesOfItsOwn) {
    const auto first = store();
    const auto second = store({"web"});
    const auto third = store({"web"});
    const auto newest = store();
    EXPECT_EQ(prune_at(10, true).plan.verdicts.front().keep, false);
    settings.configured = {{.volume = "n8n-data", .keep = {.days = 30}},
                           {.volume = "other", .choice = {.component = "web"}, .keep = {.last = 2}}};
    const auto told = reasons(prune_at(10, true));
    EXPECT_EQ(told.at(first), "keep: not older than 30 days (n8n)");
    EXPECT_EQ(told.at(second), "go: older than 1 day, and kept by no rule");
    EXPECT_EQ(told.at(third), "keep: one of the newest 2 copies");
    EXPECT_EQ(told.at(newest), "keep: `latest` points to it");
    settings.configured = {
        {.path = "/var/lib/containers//storage/volumes/n8n-data/_data/", .keep = {.days = 0, .monthly = 2}}};
    EXPECT_EQ(reasons(prune_at(10, true)).at(first),
              "go: kept by no rule (n8n); older than 1 day, and kept by no rule (web)");
    settings.configured = {{.volume = "n8n-data"}}; // silent: as all
    EXPECT_EQ(reasons(prune_at(10, true)).at(first), "go: older than 1 day, and kept by no rule");
}

// Who signed, and what a neighbour is like, is no reason to give a good copy up.
TEST_F(Pruning, DoubtAboutASignatureOrAnotherComponentCondemnsNoCopy) {
    const auto first = store();
    const auto second = store();
    auto& rules = settings.retention.rules;
    rules.last = 2;
    for (const auto& id : {first, second})
        catalog::Proofs(settings.proofs())
            .keep(id, {.examined = {}, .examined_trouble = "manifest.json is not signed", .components = {}});
    EXPECT_THAT(prune_at(10).removed, IsEmpty());
    rules.last = 1;
    EXPECT_THAT(prune_at(10).removed, ElementsAre(first));
}

} // namespace
} // namespace miraclemax::run
