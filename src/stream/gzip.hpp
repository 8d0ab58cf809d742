// gzip (RFC 1952) on several cores: the input is cut into blocks of 1 MiB, each a member of its own,
// compressed by ISA-L. gunzip, zcat and tar xz read members one after the other as one stream.
#pragma once

#include "stream/stream.hpp"

#include <memory>

namespace miraclemax::stream {

// `next` is only ever written from the thread that calls write() and finish(), whose errors therefore come
// straight out of them. The pool holds at most 2 x threads blocks (about 2 MiB of memory each).
// level: 0 to 9; 1 to 3 are ISA-L's own, more counts as 3 (igzip -1 is 7 times as fast as gzip -1, and as
// small). threads: 1 compresses in the calling thread, 0 takes as many as there are cores. No input at all
// gives one empty member.
std::unique_ptr<Sink> gzip_to(Sink& next, int level, unsigned threads);

} // namespace miraclemax::stream
