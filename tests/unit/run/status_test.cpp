#include "run/status.hpp"

#include "catalog/run_record.hpp"

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

TEST_F(StatusTest, WhatARunCouldNotPutBackIsToldUntilItsJournalIsGone) {
    auto record = ended("20251016-010000-77-000001");
    record.code = 10;
    record.unreleased = {"n8n is paused still"};
    keep(record);
    EXPECT_TRUE(status().unreleased.empty());
    std::ofstream(settings_.journals() / "20251016-010000-77-000002.journal") << "x";
    EXPECT_EQ(status().unreleased, record.unreleased);
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
