// Where a file has data, and where it has holes.
#pragma once

#include <cstdint>
#include <vector>

namespace miraclemax::archive {

struct Extent {
    std::uint64_t offset = 0;
    std::uint64_t length = 0; // bytes, never 0
};

// The parts of the first size bytes that hold data (lseek(2), SEEK_DATA), in order; none for a file that is
// one hole; one that covers all where the file system can't tell. Of a file with more than a quarter million
// parts the smallest holes are taken for data, so that memory stays bounded. Moves the descriptor's offset.
std::vector<Extent> data_extents(int descriptor, std::uint64_t size);

} // namespace miraclemax::archive
