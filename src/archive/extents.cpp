#include "archive/extents.hpp"

#include <algorithm>
#include <cerrno>
#include <unistd.h>

namespace miraclemax::archive {
namespace {

constexpr std::size_t kMost = 1 << 18;

// Joins neighbours with less than gap bytes between them.
void join(std::vector<Extent>& extents, std::uint64_t gap) {
    std::size_t last = 0;
    for (std::size_t i = 1; i < extents.size(); ++i) {
        const std::uint64_t end = extents[last].offset + extents[last].length;
        if (extents[i].offset - end < gap)
            extents[last].length = extents[i].offset + extents[i].length - extents[last].offset;
        else
            extents[++last] = extents[i];
    }
    extents.resize(last + 1);
}

} // namespace

std::vector<Extent> data_extents(int descriptor, std::uint64_t size) {
    std::vector<Extent> extents;
    std::uint64_t gap = 64 << 10;
    for (std::uint64_t at = 0; at < size;) {
        const off_t data = lseek(descriptor, static_cast<off_t>(at), SEEK_DATA);
        if (data < 0 && errno == ENXIO)
            break; // a hole up to the end
        const off_t hole = data < 0 ? -1 : lseek(descriptor, data, SEEK_HOLE);
        if (hole < 0 || hole <= data) { // it can't tell, or the file moves under us: take the rest for data
            extents.push_back({.offset = at, .length = size - at});
            break;
        }
        const auto begin = static_cast<std::uint64_t>(data);
        const auto end = std::min(static_cast<std::uint64_t>(hole), size);
        if (begin >= size)
            break;
        extents.push_back({.offset = begin, .length = end - begin});
        at = end;
        while (extents.size() > kMost) {
            join(extents, gap);
            gap *= 2;
        }
    }
    return extents;
}

} // namespace miraclemax::archive
