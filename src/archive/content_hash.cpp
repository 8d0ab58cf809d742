#include "archive/content_hash.hpp"

#include <algorithm>
#include <array>

namespace miraclemax::archive {
namespace {

constexpr std::uint64_t kSmallHoles = 4ULL << 20;
constexpr std::uint64_t kMostZeros = 8ULL << 30;
constexpr std::array<std::byte, 64 << 10> kZeros{};

void put(std::span<std::byte, 8> into, std::uint64_t value) {
    for (auto& byte : into) {
        byte = static_cast<std::byte>(value & 0xffU);
        value >>= 8U;
    }
}

} // namespace

ContentHash::Of ContentHash::choose(std::uint64_t holes, std::uint64_t data) {
    return holes <= kSmallHoles || holes <= data ? Of::all : Of::data;
}

ContentHash::Of ContentHash::bounded(Of asked, std::uint64_t holes, std::uint64_t data) {
    return holes <= std::max(kMostZeros, data) ? asked : Of::data;
}

void ContentHash::part(const Extent& extent) {
    if (of_ == Of::all)
        return;
    std::array<std::byte, 16> place{};
    put(std::span(place).first<8>(), extent.offset);
    put(std::span(place).last<8>(), extent.length);
    hash_.update(place);
}

void ContentHash::hole(std::uint64_t length) {
    if (of_ == Of::data)
        return;
    while (length != 0) {
        const auto size = std::min<std::uint64_t>(length, kZeros.size());
        hash_.update(std::span(kZeros).first(static_cast<std::size_t>(size)));
        length -= size;
    }
}

} // namespace miraclemax::archive
