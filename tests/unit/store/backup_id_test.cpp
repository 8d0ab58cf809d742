#include "store/backup_id.hpp"

#include "store/backup_folder.hpp"
#include "unit/store/scratch.hpp"

#include <ctime>

namespace miraclemax::store {
namespace {

using test::exited;
using test::in_child;

TEST(BackupId, TellsIdsFromOtherNames) {
    for (const char* good : {"20251016_030000", "20251016_030000_2", "20251016_235960", "20240229_000000",
                             "20251016_030000_12"}) {
        EXPECT_TRUE(is_backup_id(good)) << good;
        EXPECT_EQ(to_string(*parse_backup_id(good)), good);
    }
    for (const char* bad : {"",
                            "latest",
                            "20251016",
                            "20251016_03000",
                            "20251016_0300000",
                            "20251016-030000",
                            "20250229_000000",
                            "20251316_030000",
                            "20251016_240000",
                            "20251016_036000",
                            "20251016_030000_",
                            "20251016_030000_1",
                            "20251016_030000_0",
                            "20251016_030000_02",
                            "20251016_030000_2x",
                            "20251016_030000_-2",
                            "20251016_030000/2",
                            ".partial-20251016_030000",
                            "20251016_030000_99999999999999999999",
                            "../20251016_0300"}) {
        EXPECT_FALSE(is_backup_id(bad)) << bad;
    }
}

TEST(BackupId, OrdersNumbersAsNumbers) {
    EXPECT_LT(*parse_backup_id("20251016_030000"), *parse_backup_id("20251016_030000_2"));
    EXPECT_LT(*parse_backup_id("20251016_030000_9"), *parse_backup_id("20251016_030000_10"));
    EXPECT_LT(*parse_backup_id("20251016_030000_10"), *parse_backup_id("20251016_030001"));
}

TEST(BackupId, GivesFreeIds) {
    const std::vector<BackupId> none;
    EXPECT_EQ(to_string(free_id("20251016_030000", none)), "20251016_030000");
    const std::vector<BackupId> older = {{.stamp = "20251016_020000"}};
    EXPECT_EQ(to_string(free_id("20251016_030000", older)), "20251016_030000");
    const std::vector<BackupId> same = {{.stamp = "20251016_030000"},
                                        {.stamp = "20251016_030000", .number = 2}};
    EXPECT_EQ(to_string(free_id("20251016_030000", same)), "20251016_030000_3");
    const std::vector<BackupId> newer = {{.stamp = "20251016_040000"}};
    EXPECT_EQ(to_string(free_id("20251016_030000", newer)), "20251016_030000_2");
}

// 2025-10-26: Berlin's clock shows 02:30 twice, at 00:30 and at 01:30 UTC.
TEST(BackupId, TheRepeatedHourOfAutumnGivesIdsThatDiffer) {
    EXPECT_TRUE(exited(in_child([] {
                           ::setenv("TZ", "Europe/Berlin", 1);
                           ::tzset();
                           using std::chrono::system_clock;
                           const auto summer = system_clock::from_time_t(1761438600);
                           const auto winter = summer + std::chrono::hours(1);
                           const auto earlier = winter - std::chrono::minutes(10);
                           if (stamp_of(summer) != "20251026_023000" ||
                               stamp_of(winter) != "20251026_023000") {
                               return 1;
                           }
                           const std::vector<BackupId> taken = {{.stamp = stamp_of(summer)}};
                           if (to_string(free_id(stamp_of(winter), taken)) != "20251026_023000_2") {
                               return 2;
                           }
                           return to_string(free_id(stamp_of(earlier), taken)) == "20251026_022000_2" ? 0 : 3;
                       }),
                       0));
}

} // namespace
} // namespace miraclemax::store
