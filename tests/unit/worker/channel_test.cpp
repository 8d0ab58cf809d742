#include "worker/channel.hpp"

#include "error.hpp"

#include <gtest/gtest.h>

#include <array>
#include <thread>

#include <sys/socket.h>

namespace miraclemax::worker {
namespace {

using namespace std::chrono_literals;

class ChannelTest : public testing::Test {
protected:
    ChannelTest() {
        std::array<int, 2> ends{};
        EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
        channel = std::make_unique<Channel>(stream::Descriptor(ends[0]));
        other = stream::Descriptor(ends[1]);
    }
    void write(const std::string& text) const {
        EXPECT_EQ(::send(other.get(), text.data(), text.size(), 0), static_cast<ssize_t>(text.size()));
    }
    std::unique_ptr<Channel> channel;
    stream::Descriptor other;
    std::string line;
};

TEST_F(ChannelTest, CutsWhatComesIntoLines) {
    write("one\ntwo\n\nthr");
    EXPECT_EQ(channel->receive(line, 1s, 100), Channel::Got::line);
    EXPECT_EQ(line, "one");
    EXPECT_EQ(channel->receive(line, 1s, 100), Channel::Got::line);
    EXPECT_EQ(line, "two");
    EXPECT_EQ(channel->receive(line, 1s, 100), Channel::Got::line);
    EXPECT_EQ(line, "");
    EXPECT_EQ(channel->receive(line, 10ms, 100), Channel::Got::nothing);
    write("ee\n");
    EXPECT_EQ(channel->receive(line, 1s, 100), Channel::Got::line);
    EXPECT_EQ(line, "three");
    write("left");
    other.reset();
    EXPECT_EQ(channel->receive(line, 1s, 100), Channel::Got::closed);
}

TEST_F(ChannelTest, RefusesALineWithoutAnEnd) {
    write(std::string(100, 'x'));
    EXPECT_EQ(channel->receive(line, 10ms, 100), Channel::Got::nothing);
    write("x");
    EXPECT_THROW(channel->receive(line, 1s, 100), Error);
}

TEST_F(ChannelTest, RefusesALineThatIsTooLongThoughItEnds) {
    write(std::string(101, 'x') + "\n");
    EXPECT_THROW(channel->receive(line, 1s, 100), Error);
}

TEST_F(ChannelTest, SendsALineThatNoBufferHolds) {
    const std::string large(8U << 20U, 'y');
    Channel reader(std::move(other));
    std::jthread sender([&] { channel->send(large, 60s); });
    EXPECT_EQ(reader.receive(line, 60s, large.size()), Channel::Got::line);
    EXPECT_EQ(line, large);
}

TEST_F(ChannelTest, GivesUpOnAReaderThatDoesNotRead) {
    EXPECT_THROW(channel->send(std::string(8U << 20U, 'y'), 20ms), Error);
}

TEST_F(ChannelTest, AnOfferIsDroppedAndNeverWaits) {
    for (int count = 0; count < 10'000; ++count)
        channel->offer(std::string(1000, 'z'));
    Channel reader(std::move(other));
    EXPECT_EQ(reader.receive(line, 1s, 1000), Channel::Got::line);
    EXPECT_EQ(line, std::string(1000, 'z'));
}

TEST_F(ChannelTest, SendingToNobodyIsAnErrorAndNoSignal) {
    other.reset();
    EXPECT_THROW(channel->send("x", 1s), Error);
    channel->offer("x");
}

} // namespace
} // namespace miraclemax::worker
