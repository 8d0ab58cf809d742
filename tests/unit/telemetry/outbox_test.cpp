#include "telemetry/notifications.hpp"

#include "error.hpp"
#include "unit/telemetry/sample_message.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace miraclemax::telemetry {
namespace {

using namespace miraclemax::telemetry::testing;
using std::chrono::hours;
using std::chrono::minutes;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

Channel named(const std::string& name, Channel::Kind kind = Channel::Kind::webhook) {
    return {.kind = kind, .name = name, .url = "http://h/"};
}

// An outbox whose deliveries are written down, and fail for the channels in `down` and the messages in
// `poison`.
class OutboxTest : public ::testing::Test {
protected:
    Outbox outbox(std::vector<Channel> channels = {named("hook")}) {
        return {folder_ / "outbox", std::move(channels),
                [this](const Channel& channel, const Message& message) {
                    tried_.push_back(channel.name + " " + message.id);
                    if (down_.contains(channel.name) || poison_.contains(message.id))
                        throw Error(ExitCode::failed, channel.name + " is down");
                }};
    }
    std::vector<std::string> names() {
        std::vector<std::string> all;
        for (const auto& entry : std::filesystem::directory_iterator(folder_ / "outbox"))
            all.push_back(entry.path().filename().string());
        std::sort(all.begin(), all.end());
        return all;
    }

    TempFolder folder_;
    std::vector<std::string> tried_;
    std::set<std::string> down_, poison_;
};

TEST_F(OutboxTest, ADeliveredMessageIsGoneAndCounted) {
    auto box = outbox({named("hook"), named("mail", Channel::Kind::smtp)});
    box.put(failure());
    struct stat info {};
    ASSERT_EQ(::stat((folder_ / "outbox").c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 07777U, 0700U);
    ASSERT_EQ(::stat((folder_ / "outbox" / "20251016T010000Z-20251016_030000-failure.json").c_str(), &info),
              0);
    EXPECT_EQ(info.st_mode & 07777U, 0600U);
    EXPECT_EQ(box.status().waiting, 2U);
    EXPECT_THAT(box.round(at(thursday)), IsEmpty());
    EXPECT_THAT(tried_, ElementsAre("hook 20251016_030000-failure", "mail 20251016_030000-failure"));
    EXPECT_EQ(box.status().sent, 2U);
    EXPECT_EQ(box.status().waiting, 0U);
    EXPECT_THAT(names(), ElementsAre(".lock", "counts.json"));
    EXPECT_EQ(outbox().status().sent, 2U);
}

TEST_F(OutboxTest, TriesAgainAfterLongerAndLongerPauses) {
    down_ = {"hook"};
    auto box = outbox();
    box.put(failure());
    std::vector<long> tries;
    for (long minute = 0; minute < 24 * 60; ++minute) {
        const auto before = tried_.size();
        const auto told = outbox().round(at(thursday) + minutes(minute)); // each a new process, as it were
        if (tried_.size() > before) {
            tries.push_back(minute);
            EXPECT_THAT(told, ElementsAre(HasSubstr("hook is down")));
        }
    }
    ASSERT_GE(tries.size(), 7U);
    tries.resize(7);
    EXPECT_THAT(tries, ElementsAre(0, 1, 6, 21, 81, 141, 201));
    EXPECT_EQ(box.status().waiting, 1U);
    EXPECT_EQ(box.status().failed, 0U);
}

TEST_F(OutboxTest, GivesUpAfterThreeDays) {
    down_ = {"hook"};
    auto box = outbox();
    box.put(failure());
    std::vector<std::string> told;
    long hour = 0;
    for (; hour < 100 && box.status().waiting > 0; ++hour)
        told = box.round(at(thursday) + hours(hour));
    EXPECT_EQ(hour, 73);
    EXPECT_THAT(told, ElementsAre(HasSubstr("given up")));
    EXPECT_EQ(box.status().failed, 1U);
    EXPECT_EQ(box.status().sent, 0U);
}

TEST_F(OutboxTest, AClockThatJumpsGivesNothingUpAndHoldsNothingBack) {
    down_ = {"hook"};
    auto box = outbox();
    box.put(failure());
    (void)box.round(at(1000)); // 1970
    (void)box.round(at(thursday));
    EXPECT_EQ(box.status().waiting, 1U);
    down_.clear();
    EXPECT_THAT(box.round(at(1000)), IsEmpty()); // put back again
    EXPECT_EQ(box.status().sent, 1U);
}

TEST_F(OutboxTest, OneChannelsFailureIsNotAnothers) {
    down_ = {"hook"};
    auto box = outbox({named("hook"), named("mail")});
    box.put(failure());
    EXPECT_THAT(box.round(at(thursday)), SizeIs(1));
    EXPECT_EQ(box.status().sent, 1U);
    EXPECT_EQ(box.status().waiting, 1U);
    down_.clear();
    tried_.clear();
    EXPECT_THAT(box.round(at(thursday + 60)), IsEmpty());
    EXPECT_THAT(tried_, ElementsAre("hook 20251016_030000-failure"));
}

TEST_F(OutboxTest, KeepsTheOrderWhileAServerIsDown) {
    down_ = {"hook"};
    auto box = outbox();
    box.put(failure("b", thursday));
    (void)box.round(at(thursday));
    box.put(failure("a", thursday + 10));
    tried_.clear();
    (void)box.round(at(thursday + 20)); // the new one brings the old one along, and waits behind it
    EXPECT_THAT(tried_, ElementsAre("hook b"));
    (void)box.round(at(thursday + 25)); // and does not do so again at once
    EXPECT_THAT(tried_, SizeIs(1));
    down_.clear();
    tried_.clear();
    EXPECT_THAT(box.round(at(thursday + 20 + 5 * 60)), IsEmpty());
    EXPECT_THAT(tried_, ElementsAre("hook b", "hook a"));
}

TEST_F(OutboxTest, AMessageThatIsAlwaysRefusedIsOvertakenButNotOnAlertmanager) {
    poison_ = {"bad"};
    auto box = outbox({named("hook"), named("am", Channel::Kind::alertmanager)});
    box.put(failure("bad", thursday));
    for (int hour = 0; hour < 6; ++hour)
        (void)box.round(at(thursday) + hours(hour));
    box.put(failure("good", thursday + 6 * 3600));
    tried_.clear();
    (void)box.round(at(thursday) + hours(6));
    EXPECT_THAT(tried_, ElementsAre("hook bad", "hook good", "am bad"));
}

TEST_F(OutboxTest, AServerThatIsDownIsNotTriedForEachOfManyMessages) {
    down_ = {"hook"};
    auto box = outbox();
    for (int i = 0; i < 10; ++i)
        box.put(failure("m" + std::to_string(i), thursday + i));
    for (int hour = 0; hour < 60; ++hour) {
        tried_.clear();
        (void)box.round(at(thursday) + hours(hour));
        EXPECT_LE(tried_.size(), 3U);
    }
}

TEST_F(OutboxTest, TheSameIdIsQueuedOnceEvenAfterItWasDelivered) {
    auto box = outbox();
    box.put(failure("x"));
    box.put(failure("x", thursday + 5));
    EXPECT_EQ(box.status().waiting, 1U);
    (void)box.round(at(thursday));
    outbox().put(failure("x", thursday + 9));
    EXPECT_EQ(box.status().waiting, 0U);
}

TEST_F(OutboxTest, ADamagedFileIsPutAside) {
    auto box = outbox();
    box.put(failure());
    std::ofstream(folder_ / "outbox" / "20251015T000000Z-x.json") << "{\"version\": 1, \"mess";
    std::ofstream(folder_ / "outbox" / "counts.json") << "[]";
    const auto told = box.round(at(thursday));
    EXPECT_THAT(told, ElementsAre(HasSubstr("20251015T000000Z-x.json is damaged"), HasSubstr("counts.json")));
    EXPECT_THAT(names(), ElementsAre(".lock", "20251015T000000Z-x.json.damaged", "counts.json",
                                     "counts.json.damaged"));
    EXPECT_EQ(box.status().sent, 1U);
    EXPECT_THAT(box.round(at(thursday + 60)), IsEmpty());
}

TEST_F(OutboxTest, OddIdsMakePlainNamesThatDiffer) {
    auto box = outbox();
    box.put(failure("../../etc/x"));
    box.put(failure("______etc_x"));
    box.put(failure(".._.._etc_x"));
    EXPECT_EQ(box.status().waiting, 3U);
    EXPECT_FALSE(std::filesystem::exists(folder_ / "etc"));
    for (const auto& name : names())
        EXPECT_THAT(name, ::testing::StartsWith("20251016T010000Z-______etc_x"));
}

TEST_F(OutboxTest, MessagesComeBackAsTheyWere) {
    std::vector<Message> got;
    auto message = failure();
    message.text = "größer\n\x01";
    message.severity = Severity::warning;
    message.occasion = Occasion::recovery;
    message.ended = {"a", ""};
    Outbox box(folder_ / "outbox", {named("hook")},
               [&](const Channel&, const Message& m) { got.push_back(m); });
    box.put(message);
    (void)box.round(at(thursday));
    EXPECT_THAT(got, ElementsAre(message));
}

TEST_F(OutboxTest, OnlyWhoWantsItIsTold) {
    auto wanting = named("mail");
    wanting.on_success = true;
    auto box = outbox({named("hook"), wanting, named("am", Channel::Kind::alertmanager)});
    auto message = failure("s");
    message.occasion = Occasion::success;
    box.put(message);
    EXPECT_EQ(box.status().waiting, 1U);
    message.id = "d";
    message.occasion = Occasion::digest;
    box.put(message);
    EXPECT_EQ(box.status().waiting, 1U);
    message.id = "r";
    message.occasion = Occasion::recovery;
    box.put(message);
    EXPECT_EQ(box.status().waiting, 4U);
}

TEST_F(OutboxTest, AChannelThatIsNoLongerConfiguredIsForgotten) {
    auto box = outbox({named("old")});
    box.put(failure());
    EXPECT_THAT(outbox().round(at(thursday)), ElementsAre(HasSubstr("no longer configured")));
    EXPECT_THAT(tried_, IsEmpty());
    EXPECT_EQ(box.status().waiting, 0U);
}

TEST_F(OutboxTest, WhatAStopCutsOffIsNoTry) {
    std::stop_source stop;
    Outbox box(folder_ / "outbox", {named("hook")}, [&](const Channel&, const Message&) {
        stop.request_stop();
        throw Error(ExitCode::interrupted, "stopped");
    });
    box.put(failure());
    EXPECT_THAT(box.round(at(thursday), stop.get_token()), IsEmpty());
    EXPECT_THAT(outbox().round(at(thursday)), IsEmpty());
    EXPECT_THAT(tried_, SizeIs(1));
}

TEST_F(OutboxTest, TwoProcessesDoNotDeliverTheSame) {
    int began[2]{}, may_go[2]{};
    ASSERT_EQ(::pipe2(began, O_CLOEXEC), 0);
    ASSERT_EQ(::pipe2(may_go, O_CLOEXEC), 0);
    Outbox slow(folder_ / "outbox", {named("hook")}, [&](const Channel&, const Message&) {
        char byte = 'x';
        (void)!::write(began[1], &byte, 1);
        (void)!::read(may_go[0], &byte, 1);
    });
    slow.put(failure());
    const auto child = ::fork();
    if (child == 0) {
        const auto told = slow.round(at(thursday));
        ::_exit(told.empty() ? 0 : 1);
    }
    char byte = 0;
    ASSERT_EQ(::read(began[0], &byte, 1), 1);
    EXPECT_THAT(outbox().round(at(thursday)), IsEmpty());
    EXPECT_THAT(tried_, IsEmpty());
    outbox().put(failure("meanwhile", thursday + 1)); // is possible all the same
    ASSERT_EQ(::write(may_go[1], &byte, 1), 1);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
    EXPECT_THAT(outbox().round(at(thursday)), IsEmpty());
    EXPECT_THAT(tried_, ElementsAre("hook meanwhile"));
    EXPECT_EQ(outbox().status().sent, 2U);
    for (const int fd : {began[0], began[1], may_go[0], may_go[1]})
        ::close(fd);
}

TEST_F(OutboxTest, AnOutboxThatCannotBeWrittenIsToldNotThrown) {
    std::ofstream(folder_ / "outbox") << "a file";
    auto box = outbox();
    EXPECT_THROW(box.put(failure()), Error);
    EXPECT_THAT(box.round(at(thursday)), SizeIs(1));
    EXPECT_EQ(box.status().waiting, 0U);
}

} // namespace
} // namespace miraclemax::telemetry
