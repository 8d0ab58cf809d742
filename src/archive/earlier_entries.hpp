// Whether a hard link leads to an entry that was there before it, and is like it. The archive doesn't say of
// a file that it will get further names, so all have to be remembered: in a Bloom filter, in memory that does
// not grow without bounds.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace miraclemax::archive {

// 8 bytes an entry, at most 64 MiB. An entry that was there is always found; another one is taken for it once
// in some ten million times, with more than 8 million entries more often. One thread.
class EarlierEntries {
public:
    explicit EarlierEntries(std::uint64_t entries);
    void add(std::string_view path, std::string_view likeness);
    [[nodiscard]] bool has(std::string_view path, std::string_view likeness);

private:
    using Line = std::array<std::uint64_t, 8>; // of the processor's cache
    struct Mark {
        Line* line;
        std::uint64_t bits; // eight numbers of 8 bits, each a bit in one of the line's words
    };
    Mark mark(std::string_view path, std::string_view likeness);

    std::vector<Line> lines_;
    std::string key_;
};

} // namespace miraclemax::archive
