#include "run/restore_room.hpp"

#include "run/in_place_plan.hpp"
#include "unit/run/restoring_house.hpp"

#include <gmock/gmock.h>

#include <sys/mount.h>

namespace miraclemax::run {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr std::size_t kibibyte = 1024;

// Two volumes on a file system of 3 MiB: each has room beside what is there, and both together have not.
class NoRoom : public Restoring {
protected:
    void SetUp() override {
        if (::mount("none", (root / "volumes").c_str(), "tmpfs", 0, "size=3m,mode=755") != 0)
            GTEST_SKIP() << "can't mount";
        std::filesystem::create_directories(folder("data"));
        add("more", "other");
        fill("data", 512);
        fill("more", 1024);
        back_up();
    }
    ~NoRoom() override { ::umount2((root / "volumes").c_str(), MNT_DETACH); }
    void fill(const std::string& volume, std::size_t kibibytes) const {
        write(volume, "file", std::string(kibibytes * kibibyte, 'x'));
    }
    static std::vector<RestoreItem> refused(const RestorePlan& plan) {
        std::vector<RestoreItem> items;
        for (const auto& group : plan.groups)
            for (const auto& item : group.items)
                if (!item.refusal.empty())
                    items.push_back(item);
        return items;
    }
};

TEST_F(NoRoom, IsFoundForAllBeforeTheFirstIsMoved) {
    const auto planned = found();
    ASSERT_EQ(refused(planned).size(), 1U);
    EXPECT_THAT(refused(planned).front().refusal, HasSubstr("are left for it where it is restored to"));
    EXPECT_THAT(refused(planned).front().remedy, HasSubstr("--in-place"));
    EXPECT_EQ(planned.code(), ExitCode::destination);
    EXPECT_TRUE(found({.components = {"data"}}).feasible());
    EXPECT_TRUE(found({.components = {"more"}}).feasible());
    EXPECT_EQ(plan().code(), ExitCode::ok);
}

TEST_F(NoRoom, OfAFolderIsThatOfTheOneAboveThatIsThere) {
    const auto to = root / "volumes/rescue/deep";
    const auto planned = found({.to = to});
    ASSERT_EQ(refused(planned).size(), 1U);
    EXPECT_THAT(refused(planned).front().remedy, Not(HasSubstr("--in-place")));
    EXPECT_EQ(planned.code(), ExitCode::destination);
    EXPECT_FALSE(std::filesystem::exists(to.parent_path()));
    EXPECT_TRUE(found({.to = root / "elsewhere"}).feasible());
}

TEST_F(NoRoom, OfAVolumeThatIsToBeMadeIsThatOfPodmansVolumes) {
    auto info = engine.info();
    info.volume_path = root / "volumes";
    engine.set_info(info);
    engine.vanish("app");
    engine.vanish("other");
    for (const auto* volume : {"data", "more"}) {
        engine.remove_volume(volume);
        fill(volume, volume == std::string("data") ? 512 : 1024); // something else lies there
    }
    const auto planned = found();
    ASSERT_EQ(refused(planned).size(), 1U);
    EXPECT_TRUE(refused(planned).front().new_volume);
    EXPECT_THAT(refused(planned).front().remedy, Not(HasSubstr("--in-place")));
}

TEST_F(NoRoom, IsNotSaidOfAPartWhoseSizeNobodyKnows) {
    fill("data", 1700);
    EXPECT_FALSE(found({.components = {"data"}}).feasible());
    EXPECT_TRUE(found({.components = {"data"}, .only = "file"}).feasible());
}

// What a cut-off run has staged goes before anything is unpacked, and may be what takes the room.
TEST_F(NoRoom, IsNotSaidWhileARecoveryWaits) {
    EXPECT_FALSE(awaits_recovery(settings));
    RestoreRecords(settings).keep({.run = "dead-run",
                                   .at = "2026-01-01T00:00:00+00:00",
                                   .components = {{.component = "other",
                                                   .backup = "20260101_000000",
                                                   .volume = {},
                                                   .volume_created_at = {},
                                                   .path = root / "other",
                                                   .single = false,
                                                   .only = {},
                                                   .step = Step::staging}}});
    EXPECT_TRUE(awaits_recovery(settings));
    EXPECT_TRUE(found().feasible());
}

} // namespace
} // namespace miraclemax::run
