// Within src/stream only: data that deflate can't make smaller, in a gzip member without any compressing.
#pragma once

#include "stream/stream.hpp"

namespace miraclemax::stream {

// True where the bytes, counted one by one in a sample, are as evenly spread as those of media, of compressed
// or of encrypted data. Such data may repeat itself all the same: whoever asks tries a piece of it.
[[nodiscard]] bool looks_random(Bytes plain) noexcept;

// One gzip member (RFC 1952) of stored blocks (RFC 1951, 3.2.4). `packed` has room for stored_size() bytes;
// returns how many were written.
std::size_t store_member(Bytes plain, std::span<std::byte> packed) noexcept;
[[nodiscard]] std::size_t stored_size(std::size_t plain) noexcept;

} // namespace miraclemax::stream
