#include "podman/frames.hpp"

#include <gtest/gtest.h>

namespace miraclemax::podman {
namespace {

std::string frame(char stream, const std::string& text) {
    std::string bytes{stream, 0, 0, 0};
    for (const unsigned shift : {24U, 16U, 8U, 0U})
        bytes += static_cast<char>((text.size() >> shift) & 0xffU);
    return bytes + text;
}

TEST(Frames, JoinBothStreamsHoweverTheyAreCut) {
    const auto stream =
        frame(1, "out\n") + frame(2, "err\n") + frame(1, "") + frame(1, std::string(300, 'x'));
    for (std::size_t size = 1; size <= stream.size(); ++size) {
        Frames frames;
        for (std::size_t at = 0; at < stream.size(); at += size)
            frames.take(std::string_view(stream).substr(at, size));
        ASSERT_EQ(frames.text(), "out\nerr\n" + std::string(300, 'x')) << "pieces of " << size;
    }
}

TEST(Frames, KeepOnlyTheEnd) {
    Frames frames(10);
    for (int i = 0; i < 1000; ++i)
        frames.take(frame(1, "0123456"));
    frames.take(frame(1, "the end"));
    EXPECT_EQ(frames.text(), "456the end");
}

TEST(Frames, PassWhatIsNotFramed) {
    for (const std::string text : {"hello, terminal\r\n", "hi", "x"}) {
        Frames frames;
        frames.take(text);
        EXPECT_EQ(frames.text(), text);
    }
}

TEST(Frames, NothingIsNothing) {
    EXPECT_EQ(Frames().text(), "");
}

} // namespace
} // namespace miraclemax::podman
