#include "archive/earlier_entries.hpp"

#include <algorithm>
#include <functional>

namespace miraclemax::archive {
namespace {

constexpr std::uint64_t kMostLines = 1 << 20;

// splitmix64, so that two hashes come of one.
std::uint64_t mixed(std::uint64_t x) {
    x += 0x9e3779b97f4a7c15ULL;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ULL;
    x = (x ^ x >> 27) * 0x94d049bb133111ebULL;
    return x ^ x >> 31;
}

} // namespace

EarlierEntries::EarlierEntries(std::uint64_t entries)
    : lines_(static_cast<std::size_t>(std::clamp<std::uint64_t>(entries / 8, 16, kMostLines))) {}

EarlierEntries::Mark EarlierEntries::mark(std::string_view path, std::string_view likeness) {
    key_.assign(path).append(1, '\0').append(likeness);
    const std::uint64_t hash = mixed(std::hash<std::string_view>{}(key_));
    return {.line = &lines_[static_cast<std::size_t>(hash % lines_.size())], .bits = mixed(hash)};
}

void EarlierEntries::add(std::string_view path, std::string_view likeness) {
    const Mark at = mark(path, likeness);
    for (unsigned i = 0; i < 8; ++i)
        (*at.line)[i] |= 1ULL << (at.bits >> (8 * i) & 63);
}

bool EarlierEntries::has(std::string_view path, std::string_view likeness) {
    const Mark at = mark(path, likeness);
    for (unsigned i = 0; i < 8; ++i)
        if (((*at.line)[i] >> (at.bits >> (8 * i) & 63) & 1) == 0)
            return false;
    return true;
}

} // namespace miraclemax::archive
