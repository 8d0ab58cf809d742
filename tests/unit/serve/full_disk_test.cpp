// The sidecar on a state folder that takes nothing more, or gives back nonsense.
#include "unit/catalog/zone.hpp"
#include "unit/serve/simulated_host.hpp"
#include "unit/store/full_disk.hpp"
#include "unit/telemetry/sample_message.hpp"

#include <gmock/gmock.h>

namespace miraclemax::serve {
namespace {

using namespace serve::testing;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using Fate = SimulatedHost::Fate;

class SickState : public ::testing::Test {
protected:
    SickState() {
        host.plan("backup", "0 3 * * *");
        host.boot();
        host.round();
    }
    void to(unsigned day, int hour, int minute = 0) { host.live_until(utc(2026, 5, day, hour, minute)); }
    std::filesystem::path said() const { return host.state() / "said.json"; }

    const test::Zone zone{"UTC"};
    SimulatedHost host{utc(2026, 5, 5, 12)};
};

TEST_F(SickState, WhenItIsFullThatBackupsFailIsToldOnceAllTheSame) {
    host.next_backup = Fate::dumb;
    {
        const test::FullDisk full;
        to(6, 6);
        ASSERT_THAT(host.told(), ElementsAre(HasSubstr("failed: no such option")));
        EXPECT_THAT(host.planned(), IsEmpty());
        EXPECT_EQ(host.metric("backup_success"), "0");
        EXPECT_EQ(host.tries, 1U);
        EXPECT_THAT(host.mails.front().message.text, HasSubstr("no such option"));
    }
    to(6, 12);
    EXPECT_THAT(host.planned(), ElementsAre("2026-05-06T03:00:00Z"));
    host.boot();
    host.round();
    EXPECT_THAT(host.mails, SizeIs(1));
    host.next_backup = Fate::good;
    to(7, 6);
    EXPECT_THAT(host.told().back(), HasSubstr("is whole again"));
}

TEST_F(SickState, WhatWaitsGoesOutThoughNothingNewCanBeTold) {
    std::filesystem::remove(said());
    std::filesystem::create_directory(said());
    telemetry::Outbox(host.state() / "outbox", {{.name = "mail"}}, {}).put(telemetry::testing::failure());
    host.backup(Fate::fails);
    host.tell();
    EXPECT_THAT(host.mails, SizeIs(1));
    EXPECT_THAT(host.said, HasSubstr("can't tell how it is: "));
    EXPECT_TRUE(std::filesystem::is_directory(said()));
    std::filesystem::remove(said());
    host.tell();
    EXPECT_THAT(host.mails, SizeIs(2));
}

TEST_F(SickState, WhatFailedIsKnownThoughWhatWasSaidIsLost) {
    host.backup(Fate::fails);
    host.tell();
    EXPECT_THAT(host.mails, SizeIs(1));
    host.backup(Fate::good);
    test::put(said(), "{\"version\": 1, ");
    host.boot();
    host.tell();
    ASSERT_THAT(host.mails, SizeIs(2));
    EXPECT_EQ(host.mails.back().message.occasion, telemetry::Occasion::recovery);
    EXPECT_THAT(host.mails.back().message.ended, ElementsAre("n8n"));
    host.boot();
    host.tell();
    EXPECT_THAT(host.mails, SizeIs(2));
}

TEST_F(SickState, AJobThatCannotBeStartedIsOverAndCounted) {
    PlannedRuns runs(host.sidecar());
    host.before_the_last_line = [] { throw PowerCut{}; }; // what is no std::exception
    EXPECT_THROW(runs.run({.job = "backup", .planned = utc(2026, 5, 6)}, host.state() / "runs", {}),
                 PowerCut);
    EXPECT_EQ(runs.ended(), 1U);
    EXPECT_TRUE(runs.printed("backup", "2026-05-06T00:00:00Z"));
}

} // namespace
} // namespace miraclemax::serve
