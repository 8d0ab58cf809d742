// The way back: gzip (RFC 1952) with any number of members, by ISA-L; zstd (RFC 8878), by libzstd.
#pragma once

#include "stream/stream.hpp"

#include <memory>

namespace miraclemax::stream {

// `from` is borrowed and read from the thread that reads the result. Throws Error (damaged) for bytes that
// are no gzip (zstd), a wrong checksum or length of a member, an end in the middle, and bytes after the last
// member (the zero bytes that gzip(1) allows too: an archive of ours has none). Memory is fixed, also against
// a bomb: a reader that wants to stop simply stops.
std::unique_ptr<Source> gunzip(Source& from);
std::unique_ptr<Source> unzstd(Source& from);

} // namespace miraclemax::stream
