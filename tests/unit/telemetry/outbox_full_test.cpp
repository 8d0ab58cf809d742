// Notifications on a state folder that takes nothing more.
#include "error.hpp"
#include "unit/store/full_disk.hpp"
#include "unit/telemetry/sample_message.hpp"

#include <gmock/gmock.h>

namespace miraclemax::telemetry {
namespace {

using namespace miraclemax::telemetry::testing;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class FullOutbox : public ::testing::Test {
protected:
    Outbox outbox() {
        return {folder_ / "outbox",
                {{.name = "hook"}, {.name = "mail"}},
                [this](const Channel& channel, const Message& message) {
                    tried_.push_back(channel.name + " " + message.id);
                    if (channel.name == down_)
                        throw Error(ExitCode::failed, "no answer");
                    if (fills_up_)
                        full_ = std::make_unique<test::FullDisk>();
                }};
    }

    TempFolder folder_;
    std::vector<std::string> tried_;
    std::string down_;
    bool fills_up_ = false;
    std::unique_ptr<test::FullDisk> full_;
};

TEST_F(FullOutbox, WhatCannotBeWrittenDownIsNotDelivered) {
    auto box = outbox();
    box.put(failure("a"));
    {
        const test::FullDisk full;
        EXPECT_THAT(box.round(at(thursday)), ElementsAre(HasSubstr("notifications: ")));
    }
    EXPECT_THAT(tried_, IsEmpty());
    EXPECT_THAT(box.round(at(thursday + 2)), IsEmpty());
    EXPECT_THAT(tried_, ElementsAre("hook a", "mail a"));
}

TEST_F(FullOutbox, OneThatFillsUpInBetweenDeliversNothingAgainAtOnce) {
    auto box = outbox();
    box.put(failure("a"));
    fills_up_ = true;
    EXPECT_THAT(box.round(at(thursday)), SizeIs(1));
    for (int second = 2; second < 20; second += 2)
        (void)box.round(at(thursday + second));
    EXPECT_THAT(tried_, ElementsAre("hook a"));
    fills_up_ = false;
    full_.reset();
    (void)box.round(at(thursday + 20));
    EXPECT_THAT(tried_, ElementsAre("hook a", "mail a"));
}

TEST_F(FullOutbox, DeliversAtOnceToThoseThatHaveItNotYet) {
    auto box = outbox();
    const test::FullDisk full;
    down_ = "mail";
    std::set<std::string> done;
    EXPECT_THAT(box.deliver_at_once(failure("a"), done), ElementsAre(HasSubstr("no answer")));
    EXPECT_THAT(done, ElementsAre("hook"));
    down_.clear();
    tried_.clear();
    EXPECT_THAT(box.deliver_at_once(failure("a"), done), IsEmpty());
    EXPECT_THAT(tried_, ElementsAre("mail a"));
}

// Alertmanager keeps the order for ever: what waits behind another is looked at again by the hour.
TEST_F(FullOutbox, WhatIsHeldBackForOverAnHourIsHeldBackFurther) {
    Outbox box(folder_ / "outbox", {{.kind = Channel::Kind::alertmanager, .name = "am"}},
               [this](const Channel&, const Message& message) {
                   tried_.push_back(message.id);
                   throw Error(ExitCode::failed, "no answer");
               });
    box.put(failure("a"));
    box.put(failure("b", thursday + 1));
    for (int minute = 0; minute <= 100; ++minute)
        (void)box.round(at(thursday + minute * 60));
    const auto before = tried_.size();
    (void)box.round(at(thursday + 6002));
    (void)box.round(at(thursday + 6004));
    EXPECT_EQ(tried_.size(), before);
    EXPECT_LE(before, 8U);
}

} // namespace
} // namespace miraclemax::telemetry
