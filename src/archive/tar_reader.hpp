// The entries of a component's pax tar, one after another: TarWriter's mirror image. It reads what TarWriter
// writes and nothing else, so it needs no more memory than one extended header and one sparse map.
#pragma once

#include "archive/archived_entry.hpp"
#include "archive/content.hpp"
#include "archive/unpack.hpp"
#include "stream/sha256_aside.hpp"
#include "stream/stream.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace miraclemax::archive {

// What came out of an entry's content.
struct Contained {
    ContentDigest digest;
    std::uint64_t bytes = 0; // without holes
};

// Borrows the source and the promise. Throws Error (damaged) for everything that TarWriter doesn't write,
// what the source throws, and what the content's sink throws. One thread.
class TarReader {
public:
    TarReader(stream::Source& source, const Promise& promise);

    // The next entry; the content of the one before must have been taken. False: the archive has its end
    // marker and nothing after it, and is of the promised size and sha256.
    bool next(ArchivedEntry& entry);
    // The content of the entry that next() gave, if it has any: in order, holes by their length. of: which
    // digest is asked for; one without holes has that of all.
    Contained content(const ArchivedEntry& entry, ContentHash::Of of, const ContentSink& sink);

private:
    void refill();
    std::span<const std::byte> ahead(std::uint64_t most);
    std::string_view block();
    void padding(std::uint64_t size);
    std::string extended(std::uint64_t size);
    bool ended();
    std::uint64_t left() const;
    void part(std::uint64_t length, const ContentSink& sink);
    void hole(std::uint64_t length, const ContentSink& sink);

    stream::Source& source_;
    const Promise& promise_;
    std::vector<std::byte> buffer_;
    std::size_t begin_ = 0, end_ = 0; // what is in the buffer and not taken
    std::uint64_t position_ = 0;      // bytes taken from the source
    stream::Sha256Aside whole_;
    ContentHash hash_; // of a content
    std::string last_; // name of the entry before, for messages
};

} // namespace miraclemax::archive
