#include "worker/channel.hpp"

#include "error.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <filesystem>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

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

std::vector<stream::Descriptor> nulls(std::size_t count) {
    std::vector<stream::Descriptor> all;
    while (all.size() < count)
        all.emplace_back(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    return all;
}

std::size_t open_descriptors() {
    const std::filesystem::directory_iterator all("/proc/self/fd");
    return static_cast<std::size_t>(std::distance(begin(all), end(all)));
}

TEST_F(ChannelTest, DescriptorsComeWithTheirLineInOrderAndCloseOnExec) {
    Channel sender(std::move(other));
    std::array<int, 2> ends{};
    ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
    std::vector<stream::Descriptor> both;
    both.emplace_back(ends[0]);
    both.emplace_back(ends[1]);
    channel->expect_descriptors(2);
    const std::string large(1U << 20U, 'y'); // in many pieces
    std::jthread sending([&] { sender.send(large, both, 60s); });
    EXPECT_EQ(channel->receive(line, 60s, large.size()), Channel::Got::line);
    EXPECT_EQ(line, large);
    sending.join();
    both.clear();
    const auto came = channel->take_descriptors();
    ASSERT_EQ(came.size(), 2U);
    EXPECT_TRUE(channel->take_descriptors().empty());
    char byte = 'b';
    EXPECT_EQ(::write(came[1].get(), &byte, 1), 1) << "the first reads, the second writes";
    EXPECT_EQ(::read(came[0].get(), &byte, 1), 1);
    for (const auto& one : came)
        EXPECT_EQ(::fcntl(one.get(), F_GETFD), FD_CLOEXEC);
}

TEST_F(ChannelTest, DescriptorsThatNobodyExpectsAreClosedAndNonsense) {
    Channel sender(std::move(other));
    const auto some = nulls(4);
    const std::size_t before = open_descriptors();
    sender.send("one", nulls(1), 1s);
    EXPECT_THROW(channel->receive(line, 1s, 100), Error);
    channel->expect_descriptors(3);
    sender.send("four", some, 1s);
    EXPECT_THROW(channel->receive(line, 1s, 100), Error);
    EXPECT_TRUE(channel->take_descriptors().empty());
    EXPECT_EQ(open_descriptors(), before);
    EXPECT_THROW(sender.send("five", nulls(5), 1s), Error);
}

TEST_F(ChannelTest, MoreDescriptorsThanThereIsRoomForAreClosed) {
    const std::size_t before = open_descriptors();
    std::array<int, 20> numbers{};
    numbers.fill(0);
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof numbers)> control{};
    std::array<char, 2> text{'x', '\n'};
    iovec part{.iov_base = text.data(), .iov_len = text.size()};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof numbers);
    std::memcpy(CMSG_DATA(header), numbers.data(), sizeof numbers);
    ASSERT_EQ(::sendmsg(other.get(), &message, 0), 2);
    channel->expect_descriptors(Channel::most_descriptors);
    EXPECT_THROW(channel->receive(line, 1s, 100), Error);
    EXPECT_TRUE(channel->take_descriptors().empty());
    EXPECT_EQ(open_descriptors(), before);
}

} // namespace
} // namespace miraclemax::worker
