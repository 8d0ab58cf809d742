// The inventory: mtree(5) in the full-path form, as NetBSD's and FreeBSD's mtree read it.
#pragma once

#include "archive/content_hash.hpp"
#include "stream/stream.hpp"

#include <string>
#include <string_view>

#include <sys/stat.h>

namespace miraclemax::archive {

// One segment of a path, as mtree wants it: every byte but letters, digits and -._+,:@ as \ooo (vis(3)).
// mtree takes a name with `*`, `?` or `[` for a pattern, so in such a segment these, `]` and `\` get a
// backslash of their own before them (itself written \134), and match nothing but themselves.
// (Only where a file beside it bears that very pattern as its name would mtree confuse the two.)
std::string encode_segment(std::string_view segment);

// The other way round; what is no escape stays as it is.
std::string decode_segment(std::string_view text);

// A path relative to the root ("" is the root) as it stands in the inventory: "." or "./a/b"; and back.
std::string encode_path(std::string_view path);
std::string decode_path(std::string_view text);

struct InventoryLine {
    std::string_view path; // relative to the root, "" for the root
    const struct stat& status;
    const ContentDigest& digest;
    std::string_view symlink;    // target
    std::string_view attributes; // attributes_digest(); may be empty
};

// An entry a line: "./a type=file uid=0 gid=0 mode=0644 size=1 time=1.000000002 sha256digest=…". Keywords
// that do not fit the type are left out. What mtree has no words for follows in lines of their own, comments
// to everybody else: "# data sha256=…" instead of sha256digest (ContentHash::Of::data), and "# meta sha256=…"
// of the attributes. Times are seconds and nanoseconds as in struct timespec:
// the half second before 1970 is -1.500000000. Borrows the sink and keeps lines until its buffer is full or
// flush().
class Inventory {
public:
    explicit Inventory(stream::Sink& sink) : sink_(sink), lines_("#mtree\n") {}

    void add(const InventoryLine& line);
    void add_folder() { lines_ += ". type=dir\n"; } // for a root that is a single file
    void flush();

private:
    stream::Sink& sink_;
    std::string lines_;
};

} // namespace miraclemax::archive
