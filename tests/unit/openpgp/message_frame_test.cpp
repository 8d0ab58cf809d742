#include "keyring.hpp"

#include "openpgp/message_frame.hpp"

namespace miraclemax::openpgp {
namespace {

using testing::bytes_of;

bool complete(const std::string& message, std::size_t piece = 1) {
    MessageFrame frame;
    for (std::size_t at = 0; at < message.size(); at += piece) {
        frame.follow(bytes_of(message).subspan(at, std::min(piece, message.size() - at)));
    }
    return frame.complete();
}

const std::string session_key = std::string("\x84\x03"
                                            "abc",
                                            5); // old header, one length byte

TEST(MessageFrameTest, FollowsEveryFormOfLength) {
    EXPECT_TRUE(complete(session_key + "\xd2\x02"
                                       "xy"));
    EXPECT_TRUE(
        complete(session_key + session_key + std::string("\xd2\xc0\x05", 3) + std::string(197, 'x'), 7));
    EXPECT_TRUE(complete(std::string("\xd2\xff\0\1\0\0", 6) + std::string(65536, 'x'), 1000));
    EXPECT_TRUE(
        complete(std::string("\xd2\xe2", 2) + "wxyz" + std::string("\xe0", 1) + "a" + std::string("\0", 1)));
    EXPECT_TRUE(complete(std::string("\x85\0\x03"
                                     "abc",
                                     6) +
                         "\xd4\x01"
                         "x"));
}

TEST(MessageFrameTest, MissesWhatWasCutAtAnyByte) {
    const std::string whole = session_key + std::string("\xd2\xe2", 2) + "wxyz" + std::string("\xc0\x05", 2) +
                              std::string(197, 'x');
    ASSERT_TRUE(complete(whole));
    for (std::size_t size = 0; size < whole.size(); ++size) {
        EXPECT_FALSE(complete(whole.substr(0, size))) << size;
    }
    EXPECT_FALSE(complete(whole + "\x84"));
    EXPECT_FALSE(complete(whole + "more"));
}

TEST(MessageFrameTest, RefusesDataWithoutIntegrityProtectionAndNonsense) {
    EXPECT_FALSE(complete("\xc9\x02"
                          "xy"));
    EXPECT_FALSE(complete("plain text"));
    EXPECT_FALSE(complete(""));
}

} // namespace
} // namespace miraclemax::openpgp
