// The content of one regular file: read once, hashed and handed on, whatever happens to the file meanwhile.
#pragma once

#include "archive/content_hash.hpp"
#include "archive/extents.hpp"
#include "stream/stream.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <sys/stat.h>

namespace miraclemax::archive {

// What came of reading. A file that shrank or failed is filled up with zeros to the size it began with.
struct Reading {
    ContentDigest digest;
    std::uint64_t bytes = 0; // read
    bool short_of = false;   // it ended early
    int error = 0;           // the first errno of a read
};

// Up to this a file is read into memory, so that one that moved can be read again before anything is written.
inline constexpr std::uint64_t kSmall = 4ULL << 20;

// Takes the content in order; of a hole only its length.
struct ContentSink {
    const std::function<void(std::span<const std::byte>)>& data;
    const std::function<void(std::uint64_t)>& hole;
};

class ContentReader {
public:
    ContentReader();

    // The map for a file that has holes: its status is that of the open descriptor. Nothing: it has none.
    static std::optional<std::vector<Extent>> holes(int descriptor, const struct stat& status);

    // A file of at most kSmall bytes, whole, into memory that is good until the next call.
    std::span<const std::byte> read_small(int descriptor, const struct stat& status,
                                          const std::optional<std::vector<Extent>>& map, Reading& reading);

    Reading read(int descriptor, const struct stat& status, const std::optional<std::vector<Extent>>& map,
                 const ContentSink& sink);

private:
    void part(int descriptor, const Extent& extent, const ContentSink& sink, Reading& reading);

    std::vector<std::byte> buffer_; // grows once to what is needed
    ContentHash hash_;
    int failures_ = 0; // in this file
};

} // namespace miraclemax::archive
