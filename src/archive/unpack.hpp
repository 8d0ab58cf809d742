// One component out of its pax tar: compared with its inventory entry by entry, and laid into a folder.
#pragma once

#include "stream/stream.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace miraclemax::archive {

// What the manifest says of an archive, and so the most that is taken from it: a longer tar, more entries
// or more content than promised end the unpacking at once, and so do more folders without an entry than
// entries and a thousand.
struct Promise {
    std::string prefix;  // the component's name: every entry is "<prefix>/…", the root "<prefix>/"
    bool single = false; // the component is one file, "<prefix>/<its name>", without a root entry
    std::uint64_t entries = 0;
    std::uint64_t files = 0;
    std::uint64_t tar_size = 0; // of the plain tar, bytes
    std::string tar_sha256;     // hex
};

struct UnpackOptions {
    std::string only; // a path relative to the root: only that entry and what lies in it; empty: all
    bool trusted_xattrs = false; // needs CAP_SYS_ADMIN; else they are withheld
    bool selinux_labels = false; // false: security.selinux is left to the folder's own rules, not counted
};

// What the archive has and this process may not set, or this file system not hold.
struct Withheld {
    std::uint64_t devices = 0;    // device nodes that could not be made: the entry is not there
    std::uint64_t owners = 0;     // chown refused: the entry belongs to who unpacked it
    std::uint64_t attributes = 0; // extended attributes and ACLs, one for each
    [[nodiscard]] bool any() const { return devices + owners + attributes != 0; }
};

struct Unpacked {
    std::uint64_t entries = 0; // in the tar, each name once
    std::uint64_t files = 0;
    std::uint64_t bytes = 0; // of content
    std::uint64_t unpacked =
        0; // entries that were laid down: less than entries with `only`, 0 when only checking
    Withheld withheld;
    std::vector<std::string>
        names; // of what was withheld, and why, as report lines (json_text); the first 100
};

// Called now and then (at least every 8 MiB and every 1000 entries) from the same thread.
using UnpackProgress = std::function<void(const Unpacked&)>;

// Reads both sources to their ends, side by side (they have the same order), whatever `only` says. `tar` is
// the plain tar, `inventory` the plain mtree. Throws Error (damaged) when the tar has no end-of-archive
// marker, its size or sha256 is not the promised one, or any entry, attribute or content differs from the
// inventory, is missing from either, or has a name that leaves the root ("..", absolute, empty, a NUL): the
// sentence names the entry. Then what lies in `into` is worth nothing: the caller drops it.
//
// into: an open, empty folder that becomes the root (its owner, mode, times and attributes are set last);
// of a single file, the folder that the file is laid in. -1: only compare. Every path is resolved beneath it
// by openat2(2), no link is ever followed, a hardlink leads only to a file that this call made, metadata is
// set through descriptors; set-uid bits after the owner. Throws Error (destination) when the disk is full.
// Nothing is synced. Memory does not grow with the number of files, but for the names that hardlinks need.
// One thread.
Unpacked unpack(stream::Source& tar, stream::Source& inventory, const Promise& promise, int into,
                const UnpackOptions& options, const UnpackProgress& progress);

} // namespace miraclemax::archive
