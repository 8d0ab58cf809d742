#include "run/status.hpp"

#include "catalog/run_record.hpp"
#include "run/context.hpp"
#include "unit/catalog/sample.hpp"
#include "unit/store/scratch.hpp"

#include <gtest/gtest.h>

#include <csignal>
#include <fstream>

#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

namespace miraclemax::run {
namespace {

namespace fs = std::filesystem;

class StatusTest : public testing::Test {
protected:
    StatusTest() {
        std::string form = (fs::temp_directory_path() / "status-XXXXXX").string();
        root_ = ::mkdtemp(form.data());
        settings_.instance = "test";
        settings_.backups = root_ / "backups";
        settings_.state = root_ / "state";
        fs::create_directories(settings_.backups);
        fs::create_directories(settings_.journals());
    }
    ~StatusTest() override { fs::remove_all(root_); }

    void keep(catalog::RunRecord record) {
        record.began = "2025-10-16T01:00:00Z";
        catalog::RunRecords(settings_.runs()).keep(record);
    }
    telemetry::Status status() {
        using namespace std::chrono;
        return status_of(settings_, {.host = "home", .socket_trouble = {}}, {},
                         sys_days(2025y / 10 / 16) + 2h);
    }

    fs::path root_;
    Settings settings_;
};

catalog::RunRecord ended(const std::string& run, const std::string& kind = "backup") {
    return {.run = run, .kind = kind, .began = {}, .ended = "2025-10-16T01:05:00Z"};
}

// Messages tell runs apart by it.
TEST_F(StatusTest, ARunWithoutABackupIsKnownByItsOwnName) {
    auto record = ended("20251016-010000-77-000001");
    record.code = 1;
    record.planned = "2025-10-16T01:00:00Z";
    keep(record);
    const auto last = status().last_run;
    ASSERT_TRUE(last);
    EXPECT_EQ(last->id, "20251016-010000-77-000001");
    EXPECT_FALSE(last->published);
    EXPECT_TRUE(last->planned);
    EXPECT_FALSE(last->ok);
    EXPECT_EQ(status().host, "home");
    record = ended("20251016-010100-78-000001");
    record.id = "20251016_010100";
    keep(record);
    EXPECT_EQ(status().last_run->id, "20251016_010100");
    EXPECT_TRUE(status().last_run->published);
    EXPECT_FALSE(status().last_run->planned);
}

TEST_F(StatusTest, ARunWhoseNumberIsSomethingElsesNowWasKilled) {
    const auto me = std::to_string(::getpid());
    keep({.run = "20251016-010000-" + me + "-000001", .kind = "no-word-of-mine", .began = {}});
    EXPECT_FALSE(status().last_run); // a kind that is no backup
    keep({.run = "20251016-010001-" + me + "-000001", .kind = "backup", .began = {}});
    ASSERT_TRUE(status().last_run);
    EXPECT_TRUE(status().last_run->killed);
    EXPECT_FALSE(status().last_run->ok);
}

TEST_F(StatusTest, ARunWhoseProcessIsThereGoesOn) {
    char name[] = "backup";
    char seconds[] = "60";
    char* argv[]{name, seconds, nullptr};
    pid_t pid = 0;
    ASSERT_EQ(::posix_spawn(&pid, "/bin/sleep", nullptr, nullptr, argv, nullptr), 0);
    keep({.run = "20251016-010001-" + std::to_string(pid) + "-000001", .kind = "backup", .began = {}});
    EXPECT_FALSE(status().last_run);
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
    ASSERT_TRUE(status().last_run);
    EXPECT_TRUE(status().last_run->killed);
}

// They would be the last ones until their time has come.
TEST_F(StatusTest, WhatAClockInTheFutureMadeIsNamedAndNotCounted) {
    auto record = ended("20251016-010000-77-000001");
    record.code = 1;
    record.components.push_back({.name = "n8n", .ok = false, .reason = "no"});
    keep(record);
    record = ended("20301016-010000-77-000001");
    record.began = "2030-10-16T01:00:00Z";
    record.ended = "2030-10-16T01:05:00Z";
    record.components.push_back({.name = "n8n", .reason = {}});
    catalog::RunRecords(settings_.runs()).keep(record);
    auto manifest = test::sample_manifest("20301016_010000");
    manifest.ended_utc = "2030-10-16T01:05:00Z";
    test::put(settings_.backups / "20301016_010000" / "manifest.json", catalog::to_json(manifest));
    const auto status = this->status();
    ASSERT_TRUE(status.last_run);
    EXPECT_EQ(status.last_run->id, "20251016-010000-77-000001");
    EXPECT_FALSE(status.last_success);
    ASSERT_EQ(status.components.size(), 1U);
    EXPECT_FALSE(status.components.front().last_ok);
    EXPECT_FALSE(status.components.front().last_good);
    EXPECT_TRUE(std::any_of(status.problems.begin(), status.problems.end(), [](const auto& each) {
        return each.alert == "ClockAhead" &&
               each.text.find("backup 20301016_010000, run 20301016-010000-77-000001") != std::string::npos;
    }));
}

TEST_F(StatusTest, MoreRunsThanTheChartsShowCountForTheWeekAndTheAge) {
    using namespace std::chrono;
    const auto at = [](hours before) { return utc_time(sys_days(2025y / 10 / 16) + 2h - before); };
    for (int i = 1; i <= 60; ++i) {
        auto record = ended("2025-" + std::to_string(i));
        record.began = record.ended = at(hours(i));
        record.code = 3;
        record.stored = 10;
        catalog::RunRecords(settings_.runs()).keep(record);
    }
    auto status = this->status();
    EXPECT_EQ(status.runs.size(), 30U);
    EXPECT_EQ(status.week.runs, 60U);
    EXPECT_EQ(status.week.whole, 0U);
    EXPECT_EQ(status.week.stored, 600U);
    EXPECT_TRUE(std::any_of(status.problems.begin(), status.problems.end(),
                            [](const auto& each) { return each.alert == "BackupStale"; }));
    auto old = ended("2025-old");
    old.began = old.ended = at(hours(24 * 8));
    catalog::RunRecords(settings_.runs()).keep(old);
    EXPECT_EQ(this->status().week.runs, 60U);
}

TEST_F(StatusTest, ARecordThatCouldNotBeWrittenCounts) {
    auto record = ended("20251016-010000-77-000001");
    record.began = "2025-10-16T01:00:00Z";
    record.code = 9;
    using namespace std::chrono;
    const auto status = status_of(settings_, {.unwritten = {record}}, {}, sys_days(2025y / 10 / 16) + 2h);
    ASSERT_TRUE(status.last_run);
    EXPECT_EQ(status.last_run->code, 9);
}

TEST_F(StatusTest, RestoresAndDrillsCountWhenTheyWereWhole) {
    auto record = ended("20251016-010000-77-000001", "drill");
    record.components.push_back({.name = "n8n", .reason = {}});
    keep(record);
    ASSERT_EQ(status().components.size(), 1U);
    EXPECT_TRUE(status().components.front().restored);
    EXPECT_FALSE(status().last_run); // no backup
    record = ended("20251016-010100-77-000001", "restore");
    record.code = 1;
    record.components.push_back({.name = "grafana", .ok = false, .reason = "no"});
    keep(record);
    EXPECT_EQ(status().components.size(), 1U);
}

} // namespace
} // namespace miraclemax::run
