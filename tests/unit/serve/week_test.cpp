// More than a week of a host's life on an injected clock, with what goes wrong in one; and what people heard
// and Prometheus saw of it.
#include "unit/catalog/zone.hpp"
#include "unit/serve/simulated_host.hpp"

#include <gmock/gmock.h>

namespace miraclemax::serve {
namespace {

using namespace serve::testing;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Fate = SimulatedHost::Fate;

// The clocks go back on Sunday, 26 October 2025: 2:30 comes twice, at 0:30 and 1:30 UTC.
class Week : public ::testing::Test {
protected:
    Week() {
        host.plan("backup", "30 2 * * *");
        host.plan("verify", "0 5 * * sun");
        host.boot();
    }
    void to(unsigned day, int hour, int minute = 0) { host.live_until(utc(2025, 10, day, hour, minute)); }

    void check_facts() {
        const auto holds = [&](std::size_t mail, const std::vector<std::string>& facts) {
            for (const auto& fact : facts)
                EXPECT_THAT(host.mails.at(mail).message.text, HasSubstr(fact));
        };
        const std::string good = "last good backup: 21 Oct 2025, 02:31 CEST (20251021_003000)";
        for (const std::size_t night : {1, 2})
            holds(night, {"Reason: n8n: can't pause (exit code 3)", "- n8n: can't pause\n  " + good,
                          "Last backup that was whole: 21 Oct 2025, 02:31 CEST",
                          "What to do: https://runbook.example/r#backupfailed", "\n  its last line\n"});
        holds(3, {"runbook.example/r#backupstale", good, "Next planned backup: 24 Oct 2025, 02:30 CEST",
                  "- n8n: its last good backup was made 2 days ago"});
        holds(4, {"Ended:   24 Oct 2025, 02:31 CEST", "Had failed: n8n"});
        holds(6, {"Last backup that was whole: 25 Oct 2025, 09:01 CEST"});
        holds(7, {"Ended:   26 Oct 2025, 02:41 CEST"});
        holds(8, {"(exit code 13)", "Last verify that was good: none yet",
                  "`miraclemax backup --component grafana`", "runbook.example/r#notverified",
                  "last good backup: 26 Oct 2025, 02:41 CEST (20251026_004000)"});
        holds(10, {"Had failed: grafana"});
        holds(11, {"last good backup: 28 Oct 2025, 02:31 CET (20251028_013000)"});
    }

    const test::Zone zone{"Europe/Berlin"};
    SimulatedHost host{utc(2025, 10, 19, 18)};
};

TEST_F(Week, IsToldExactly) {
    to(20, 12); // Monday: one good night, a digest
    EXPECT_EQ(host.metric("backup_success"), "1");
    EXPECT_EQ(host.metric("backup_timestamp"), "2025-10-20T00:31:15Z");
    EXPECT_EQ(host.metric("next_run_timestamp_seconds{run=\"backup\"}"), "2025-10-21T00:30:00Z");
    to(21, 12);
    host.next_backup = Fate::fails; // two nights long
    to(23, 12);
    EXPECT_EQ(host.metric("backup_success"), "0");
    EXPECT_EQ(host.metric("last_run_exit_code"), "3");
    EXPECT_EQ(host.metric("backup_timestamp"), "2025-10-21T00:31:15Z"); // two days and a half ago
    EXPECT_EQ(host.metric("component_success{component=\"n8n\"}"), "0");
    EXPECT_EQ(host.metric("component_success{component=\"grafana\"}"), "1");
    host.next_backup = Fate::good;
    to(24, 18);
    EXPECT_EQ(host.metric("backup_success"), "1");
    EXPECT_EQ(host.metric("component_success{component=\"n8n\"}"), "1");
    host.off_until(utc(2025, 10, 25, 7)); // over the night
    to(25, 12);
    EXPECT_EQ(host.metric("backup_timestamp"), "2025-10-25T07:01:15Z");
    EXPECT_EQ(host.metric("next_run_timestamp_seconds{run=\"backup\"}"), "2025-10-26T00:30:00Z");
    host.next_backup = Fate::cut;
    EXPECT_THROW(to(26, 3), PowerCut);
    host.next_backup = Fate::good;
    host.next_verify = Fate::damaged;
    host.off_until(utc(2025, 10, 26, 0, 40));
    to(26, 3); // through the second 2:30
    EXPECT_EQ(host.metric("backup_timestamp"), "2025-10-26T00:41:15Z");
    EXPECT_EQ(host.metric("next_run_timestamp_seconds{run=\"backup\"}"), "2025-10-27T01:30:00Z");
    EXPECT_EQ(host.metric("next_run_timestamp_seconds{run=\"verify\"}"), "2025-10-26T04:00:00Z");
    to(26, 12);
    EXPECT_EQ(host.metric("component_verify_success{component=\"grafana\"}"), "0");
    EXPECT_EQ(host.metric("backup_success"), "1");
    to(27, 14);                     // Monday: the digest
    host.remove("20251026_004000"); // the faulty one, by hand
    host.verify(Fate::good);
    to(28, 9);
    EXPECT_EQ(host.metric("component_verify_success{component=\"grafana\"}"), "1");
    host.backup(Fate::fails); // by hand, twice, before anybody looks
    host.backup(Fate::good);
    to(29, 12);

    EXPECT_EQ(host.metric("notifications_sent_total"), "13");
    EXPECT_THAT(host.planned(),
                ElementsAre("2025-10-20T00:30:00Z", "2025-10-21T00:30:00Z", "2025-10-22T00:30:00Z",
                            "2025-10-23T00:30:00Z", "2025-10-24T00:30:00Z", "2025-10-25T00:30:00Z",
                            "2025-10-26T00:30:00Z cut off", "2025-10-26T00:30:00Z", "2025-10-27T01:30:00Z",
                            "2025-10-28T01:30:00Z", "2025-10-29T01:30:00Z"));
    EXPECT_THAT(host.planned("verify"), ElementsAre("2025-10-26T04:00:00Z"));
    const std::string begin = " [miraclemax] ", backup = begin + "backup of miraclemax ",
                      verify = begin + "verify of miraclemax ";
    ASSERT_THAT(host.told(),
                ElementsAre("2025-10-20T06:00:00Z" + begin + "the week of miraclemax: 1 of 1 backup is whole",
                            "2025-10-22T00:31:15Z" + backup + "failed: n8n: can't pause",
                            "2025-10-23T00:31:15Z" + backup + "failed: n8n: can't pause",
                            "2025-10-23T03:30:00Z" + backup + "is stale: the whole, n8n",
                            "2025-10-24T00:31:15Z" + backup + "is whole again",
                            "2025-10-24T00:31:15Z" + backup + "is no longer stale",
                            "2025-10-26T00:41:15Z" + backup + "failed: the run was killed before it ended",
                            "2025-10-26T00:41:15Z" + backup + "is whole again",
                            "2025-10-26T04:05:00Z" + verify +
                                "failed: grafana: 20251026_004000: volumes/grafana.tar.gz: cut short",
                            "2025-10-27T07:00:00Z" + begin +
                                "the week of miraclemax: 5 of 8 backups are whole, 1 problem",
                            "2025-10-27T14:05:00Z" + verify + "is good again",
                            "2025-10-28T09:02:30Z" + backup + "failed: n8n: can't pause",
                            "2025-10-28T09:02:30Z" + backup + "is whole again"));
    check_facts();
}

} // namespace
} // namespace miraclemax::serve
