#include "stream/gzip_stored.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstring>

#include <isa-l/crc.h>

namespace miraclemax::stream {

namespace {

constexpr std::size_t longest_block = 65535;
constexpr std::size_t ends_size = 10 + 8; // the member's header and trailer
constexpr std::size_t block_header_size = 5;

class Writer {
public:
    explicit Writer(std::span<std::byte> to) : to_(to) {}
    void put(Bytes bytes) {
        std::memcpy(to_.data() + size_, bytes.data(), bytes.size());
        size_ += bytes.size();
    }
    void put(std::uint32_t number, unsigned bytes) { // little-endian
        for (unsigned i = 0; i < bytes; ++i)
            to_[size_++] = static_cast<std::byte>(number >> (8 * i));
    }
    [[nodiscard]] std::size_t size() const { return size_; }

private:
    std::span<std::byte> to_;
    std::size_t size_ = 0;
};

} // namespace

bool looks_random(Bytes plain) noexcept {
    constexpr std::size_t piece = 512;
    constexpr std::size_t pieces = 16;
    if (plain.size() < piece * pieces)
        return false;
    std::array<std::uint32_t, 256> counts{};
    for (std::size_t i = 0; i < pieces; ++i)
        for (const std::byte byte : plain.subspan(i * (plain.size() - piece) / (pieces - 1), piece))
            ++counts[static_cast<std::size_t>(byte)];
    double bits = 0;
    constexpr double total = piece * pieces;
    for (const auto count : counts)
        if (count > 0)
            bits -= count / total * std::log2(count / total);
    return bits > 7.9; // of 8; what is random shows 7.98 in a sample of this size
}

std::size_t stored_size(std::size_t plain) noexcept {
    const std::size_t blocks = std::max<std::size_t>(1, (plain + longest_block - 1) / longest_block);
    return ends_size + blocks * block_header_size + plain;
}

std::size_t store_member(Bytes plain, std::span<std::byte> packed) noexcept {
    Writer to(packed);
    constexpr std::array<std::uint8_t, 10> header{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255}; // of no known system
    to.put(std::as_bytes(std::span(header)));
    Bytes rest = plain;
    do {
        const auto block = rest.first(std::min(rest.size(), longest_block));
        rest = rest.subspan(block.size());
        const auto length = static_cast<std::uint32_t>(block.size());
        to.put(rest.empty() ? 1 : 0, 1);
        to.put(length, 2);
        to.put(~length, 2);
        to.put(block);
    } while (!rest.empty());
    to.put(crc32_gzip_refl(0, reinterpret_cast<const unsigned char*>(plain.data()), plain.size()), 4);
    to.put(static_cast<std::uint32_t>(plain.size()), 4);
    return to.size();
}

} // namespace miraclemax::stream
