// The digest of a regular file's content: what the writer of an archive puts into the inventory, and its
// reader finds again.
#pragma once

#include "archive/extents.hpp"
#include "stream/digest.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace miraclemax::archive {

struct ContentDigest {
    std::string sha256;   // hex; empty: it is no regular file
    bool of_data = false; // as in ContentHash::Of
};

// Of one content after the other, each in order. One thread.
class ContentHash {
public:
    enum class Of {
        all, // what any sha256sum says: holes are zeros
        data // of each part with data its offset and length, 8 bytes each, little-endian, and then its bytes
    };

    // A terabyte of zeros would take many minutes, in which containers stand still: the holes count as zeros
    // where they are small, or no more than the data (both in bytes).
    static Of choose(std::uint64_t holes, std::uint64_t data);
    // Of what an inventory asks for: no writer ever hashed more zeros than 8 GiB, or than there is data.
    static Of bounded(Of asked, std::uint64_t holes, std::uint64_t data);

    void begin(Of of) { of_ = of; }
    void part(const Extent& extent); // its data follows
    void data(std::span<const std::byte> bytes) { hash_.update(bytes); }
    void hole(std::uint64_t length);
    [[nodiscard]] ContentDigest finish() { return {.sha256 = hash_.hex(), .of_data = of_ == Of::data}; }

private:
    stream::Sha256 hash_;
    Of of_ = Of::all;
};

} // namespace miraclemax::archive
