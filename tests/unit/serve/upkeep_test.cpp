#include "stream/file.hpp"
#include "unit/catalog/zone.hpp"
#include "unit/serve/simulated_host.hpp"

#include <gmock/gmock.h>

#include <fstream>

namespace miraclemax::serve {
namespace {

using namespace serve::testing;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using Fate = SimulatedHost::Fate;

class UpkeepTest : public ::testing::Test {
protected:
    void begin(const char* backup = "0 3 * * *") {
        if (backup != nullptr)
            host.plan("backup", backup);
        host.boot();
        host.round();
    }
    void to(unsigned day, int hour, int minute = 0) { host.live_until(utc(2026, 5, day, hour, minute)); }

    const test::Zone zone{"UTC"};
    SimulatedHost host{utc(2026, 5, 5, 12)}; // a Tuesday
};

TEST_F(UpkeepTest, APlannedRunThatWaitsForAnotherIsNotLostInARestart) {
    begin();
    host.next_backup = Fate::busy;
    to(6, 3, 30);
    EXPECT_THAT(host.said, HasSubstr("planned backup waits: another run is going on"));
    host.off_until(utc(2026, 5, 6, 3, 40));
    EXPECT_THAT(host.planned(), IsEmpty());
    host.next_backup = Fate::good;
    to(6, 5);
    EXPECT_THAT(host.planned(), ElementsAre("2026-05-06T03:00:00Z"));
    host.off_until(utc(2026, 5, 6, 6));
    to(7, 2);
    EXPECT_THAT(host.planned(), SizeIs(1));
}

TEST_F(UpkeepTest, APlannedRunIsToldWithAllThatItPrinted) {
    begin();
    host.next_backup = Fate::fails;
    // Its record is there, and the telling thread looks: the process has not said its last.
    host.before_the_last_line = [&] {
        host.tell();
        EXPECT_THAT(host.mails, IsEmpty());
    };
    to(6, 3, 10);
    ASSERT_THAT(host.mails, SizeIs(1));
    EXPECT_THAT(host.mails.front().message.text,
                HasSubstr("The log's last lines:\n  the sidecar's own line\n  its last line\n"));
}

TEST_F(UpkeepTest, ARunThatKeptNoRecordIsTold) {
    host.plan("verify", "0 4 * * *");
    begin();
    host.next_backup = host.next_verify = Fate::dumb;
    to(6, 5);
    EXPECT_THAT(host.told(),
                ElementsAre("2026-05-06T03:00:00Z [miraclemax] backup of miraclemax failed: no such option",
                            "2026-05-06T04:00:00Z [miraclemax] verify of miraclemax failed: no such option"));
}

TEST_F(UpkeepTest, EachOfTheRunsThatEndTogetherIsTold) {
    begin(nullptr);
    host.backup(Fate::fails);
    host.backup(Fate::good);
    host.backup(Fate::fails);
    host.tell();
    ASSERT_THAT(host.mails, SizeIs(3));
    EXPECT_THAT(host.mails[0].message.text, HasSubstr("last good backup: none"));
    EXPECT_EQ(host.mails[1].message.occasion, telemetry::Occasion::recovery);
    EXPECT_THAT(host.mails[2].message.text, HasSubstr("last good backup: 5 May 2026, 12:02 UTC"));
    host.boot(); // and none of them again
    host.tell();
    EXPECT_THAT(host.mails, SizeIs(3));
}

TEST_F(UpkeepTest, OfWhatWasThereBeforeTheFirstLookTheLastIsTold) {
    host.backup(Fate::fails);
    host.backup(Fate::fails);
    begin(nullptr);
    EXPECT_THAT(host.mails, SizeIs(1));
}

TEST_F(UpkeepTest, AStaleBackupIsToldThoughNoRunFails) {
    begin(nullptr);
    host.backup(Fate::good); // by hand, and then never again
    to(7, 12);
    EXPECT_THAT(host.told(), IsEmpty());
    to(10, 12);
    EXPECT_THAT(host.told(),
                ElementsAre("2026-05-07T13:00:00Z [miraclemax] backup of miraclemax is stale: the "
                            "last backup run that was whole ended 2 days ago (5 May 2026, 12:01 UTC)"));
    host.boot();
    host.backup(Fate::good);
    host.tell();
    EXPECT_THAT(host.told().back(), HasSubstr("backup of miraclemax is no longer stale"));
    EXPECT_THAT(host.mails, SizeIs(2));
}

TEST_F(UpkeepTest, ThatThereIsNoBackupAtAllIsTold) {
    begin(nullptr);
    to(8, 12);
    EXPECT_THAT(
        host.told(),
        ElementsAre(
            "2026-05-07T13:00:00Z [miraclemax] backup of miraclemax is stale: there is no backup yet"));
}

// What the run makes good that begins at once is no news.
TEST_F(UpkeepTest, AHostThatWasOffForDaysIsNotToldToBeStale) {
    begin();
    to(6, 12);
    host.off_until(utc(2026, 5, 9, 12));
    host.tell();
    to(9, 18);
    EXPECT_THAT(host.told(), IsEmpty());
    EXPECT_THAT(host.planned(), ElementsAre("2026-05-06T03:00:00Z", "2026-05-09T03:00:00Z"));
}

TEST_F(UpkeepTest, EachBackupIsFollowedByOneReplication) {
    host.copy_after_backup();
    begin();
    to(6, 5);
    EXPECT_THAT(host.planned("replicate"), ElementsAre("2026-05-06T03:01:15Z"));
    host.off_until(utc(2026, 5, 6, 6));
    to(6, 12);
    EXPECT_THAT(host.planned("replicate"), SizeIs(1));
    host.backup(Fate::good); // by hand
    host.round();
    EXPECT_THAT(host.planned("replicate"), SizeIs(2));
    host.backup(Fate::good);
    host.replicate(Fate::good); // both
    host.round();
    EXPECT_THAT(host.planned("replicate"), SizeIs(2));
    EXPECT_THAT(host.mails, IsEmpty());
}

TEST_F(UpkeepTest, ReplicationsMayBePlannedByThemselves) {
    host.plan_copies("30 4 * * *");
    begin();
    EXPECT_EQ(host.metric("next_run_timestamp_seconds{run=\"replicate\"}"), "2026-05-06T04:30:00Z");
    to(6, 12);
    EXPECT_THAT(host.planned("replicate"), ElementsAre("2026-05-06T04:30:00Z"));
    host.off_until(utc(2026, 5, 7, 12));
    host.round();
    EXPECT_THAT(host.planned("replicate"), ElementsAre("2026-05-06T04:30:00Z", "2026-05-07T04:30:00Z"));
}

TEST_F(UpkeepTest, AReplicationThatIsBusyWaitsAndOneThatIsCutOffComesAgainOnce) {
    host.copy_after_backup();
    begin(nullptr);
    host.backup(Fate::good);
    host.next_copy = Fate::busy;
    host.round();
    host.round();
    EXPECT_EQ(host.tries, 1U);
    host.pass(1min);
    host.round();
    EXPECT_EQ(host.tries, 2U);
    host.pass(1min);
    host.next_copy = Fate::cut;
    for (int i = 0; i < 2; ++i) {
        EXPECT_THROW(host.round(), PowerCut);
        host.off_until(utc(2026, 5, 5, 13 + i));
    }
    host.next_copy = Fate::good;
    host.round();
    EXPECT_THAT(host.planned("replicate"), SizeIs(2));
}

// A record is changed where it stands, of which the folder's time tells nothing: who reads it anew is seen.
TEST_F(UpkeepTest, WhileAReplicationWaitsTheRecordsAreNotReadAgain) {
    host.copy_after_backup();
    begin(nullptr);
    host.backup(Fate::good);
    host.next_copy = Fate::busy;
    host.round();
    for (const auto& record : std::filesystem::directory_iterator(host.state() / "runs")) {
        auto text = stream::read_file(record.path(), 1U << 20U);
        const auto end = text.find("T12:01:15Z");
        ASSERT_NE(end, std::string::npos);
        std::ofstream(record.path()) << text.replace(end, 10, "T12:01:16Z");
    }
    host.round();
    EXPECT_EQ(host.tries, 1U);
    host.pass(1min);
    host.round();
    EXPECT_EQ(host.tries, 2U);
    host.next_copy = Fate::good;
    host.pass(1min);
    host.round();
    EXPECT_THAT(host.planned("replicate"), ElementsAre("2026-05-05T12:01:16Z"));
}

TEST_F(UpkeepTest, AReplicationThatFailsIsToldAndItsRecovery) {
    host.copy_after_backup();
    begin();
    host.next_copy = Fate::fails;
    to(7, 2);
    host.next_copy = Fate::good;
    to(7, 5);
    ASSERT_THAT(
        host.told(),
        ElementsAre(HasSubstr("[miraclemax] replication of miraclemax failed: nas: /mnt/nas has no mark"),
                    HasSubstr("[miraclemax] replication of miraclemax is whole again")));
    const auto& mail = host.mails.front().message;
    EXPECT_EQ(mail.component, "");
    EXPECT_EQ(mail.alert, "TierLagging");
    EXPECT_THAT(mail.text, HasSubstr("(exit code 9)"));
    EXPECT_THAT(mail.text, HasSubstr("What to do: https://runbook.example/r#tierlagging"));
    EXPECT_THAT(mail.text, HasSubstr("its last line"));
}

} // namespace
} // namespace miraclemax::serve
