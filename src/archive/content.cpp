#include "archive/content.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <unistd.h>

namespace miraclemax::archive {
namespace {

constexpr std::size_t kBlock = 1 << 20;
// A disk that dies may take long over each failing read; after so many the rest is given up.
constexpr int kFailures = 16;

std::uint64_t size_of(const struct stat& status) {
    return static_cast<std::uint64_t>(status.st_size);
}

// As many bytes as there are from offset on, up to the buffer's size.
std::size_t read_at(int descriptor, std::span<std::byte> into, std::uint64_t offset, Reading& reading,
                    int& failures) {
    std::size_t done = 0;
    while (done < into.size()) {
        const ssize_t count =
            pread(descriptor, into.data() + done, into.size() - done, static_cast<off_t>(offset + done));
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0) {
            if (reading.error == 0)
                reading.error = errno;
            ++failures;
            break;
        }
        if (count == 0) {
            reading.short_of = true;
            break;
        }
        done += static_cast<std::size_t>(count);
    }
    reading.bytes += done;
    return done;
}

} // namespace

ContentReader::ContentReader() : buffer_(kBlock) {}

std::optional<std::vector<Extent>> ContentReader::holes(int descriptor, const struct stat& status) {
    if (static_cast<std::uint64_t>(status.st_blocks) * 512 >= size_of(status))
        return std::nullopt;
    auto extents = data_extents(descriptor, size_of(status));
    std::uint64_t data = 0;
    for (const Extent& extent : extents)
        data += extent.length;
    if (data == size_of(status))
        return std::nullopt; // compressed by the file system, or kept in its inode
    return extents;
}

std::span<const std::byte> ContentReader::read_small(int descriptor, const struct stat& status,
                                                     const std::optional<std::vector<Extent>>& map,
                                                     Reading& reading) {
    const auto size = static_cast<std::size_t>(size_of(status));
    if (buffer_.size() < size)
        buffer_.resize(kSmall);
    const std::span<std::byte> all = std::span(buffer_).first(size);
    failures_ = 0;
    if (map)
        std::fill(all.begin(), all.end(), std::byte{0});
    const std::vector<Extent> whole{{.offset = 0, .length = size}};
    for (const Extent& extent : map ? *map : whole) {
        const auto part =
            all.subspan(static_cast<std::size_t>(extent.offset), static_cast<std::size_t>(extent.length));
        const std::size_t count = read_at(descriptor, part, extent.offset, reading, failures_);
        std::fill(part.begin() + static_cast<std::ptrdiff_t>(count), part.end(), std::byte{0});
    }
    hash_.begin(ContentHash::Of::all);
    hash_.data(all);
    reading.digest = hash_.finish();
    return all;
}

void ContentReader::part(int descriptor, const Extent& extent, const ContentSink& sink, Reading& reading) {
    hash_.part(extent);
    for (std::uint64_t done = 0; done < extent.length;) {
        const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(kBlock, extent.length - done));
        const std::span<std::byte> block = std::span(buffer_).first(size);
        std::size_t count = 0;
        if (failures_ < kFailures && !reading.short_of)
            count = read_at(descriptor, block, extent.offset + done, reading, failures_);
        std::fill(block.begin() + static_cast<std::ptrdiff_t>(count), block.end(), std::byte{0});
        hash_.data(block);
        sink.data(block);
        done += size;
    }
}

Reading ContentReader::read(int descriptor, const struct stat& status,
                            const std::optional<std::vector<Extent>>& map, const ContentSink& sink) {
    posix_fadvise(descriptor, 0, 0, POSIX_FADV_SEQUENTIAL);
    Reading reading;
    failures_ = 0;
    const std::uint64_t size = size_of(status);
    const std::vector<Extent> whole{{.offset = 0, .length = size}};
    const auto& extents = map ? *map : whole;
    std::uint64_t data = 0;
    for (const Extent& extent : extents)
        data += extent.length;
    hash_.begin(ContentHash::choose(size - data, data));
    std::uint64_t at = 0;
    const auto hole_up_to = [&](std::uint64_t end) {
        hash_.hole(end - at);
        if (end != at)
            sink.hole(end - at);
        at = end;
    };
    for (const Extent& extent : extents) {
        hole_up_to(extent.offset);
        part(descriptor, extent, sink, reading);
        at += extent.length;
    }
    hole_up_to(size);
    reading.digest = hash_.finish();
    return reading;
}

} // namespace miraclemax::archive
