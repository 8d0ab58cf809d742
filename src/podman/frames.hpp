// The frames in which podman sends stdout and stderr of an exec and of logs (docker's raw stream):
// 8 bytes [0|1|2, 0, 0, 0, length big-endian 32 bit], then that many bytes.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace miraclemax::podman {

// Takes the stream in pieces of any size and keeps the last `limit` bytes of its content. One thread.
class Frames {
public:
    explicit Frames(std::size_t limit = 64UL << 10U) : limit_(limit) {}

    // A stream that is not framed (a terminal's) is kept as it is.
    void take(std::string_view piece);
    [[nodiscard]] std::string text() const; // the last `limit` bytes

private:
    void keep(std::string_view bytes);
    bool header_makes_sense() const noexcept;

    std::size_t limit_;
    std::string kept_{};
    std::array<char, 8> header_{};
    std::size_t held_ = 0;   // bytes of the header so far
    std::uint32_t left_ = 0; // bytes of the frame still to come
    bool framed_ = false;    // a frame was seen
    bool raw_ = false;
};

} // namespace miraclemax::podman
