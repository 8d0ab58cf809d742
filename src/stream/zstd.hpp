// zstd (RFC 8878): one frame with a checksum of its content, compressed by libzstd's own threads.
#pragma once

#include "stream/stream.hpp"

#include <memory>

namespace miraclemax::stream {

// `next` is only written from the thread that calls write() and finish(). level: 1 to 19 (3 is zstd's
// default). threads: 1 compresses in the calling thread, 0 takes as many as there are cores.
std::unique_ptr<Sink> zstd_to(Sink& next, int level, unsigned threads);

} // namespace miraclemax::stream
