// One component as a pax tar with its inventory (mtree(5)) and report.
#pragma once

#include "stream/stream.hpp"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace miraclemax::archive {

struct Scope {
    std::filesystem::path root; // folder (or single regular file) as this process sees it
    std::string prefix; // the component's name: entries are "<prefix>/…", the root itself "<prefix>/"
    std::vector<std::string> exclude; // patterns: see exclusions.hpp
    bool trusted_xattrs = false;      // needs CAP_SYS_ADMIN
};

// What became of the entries. The names stand in the report alone.
struct Tally {
    std::uint64_t entries = 0;    // in the archive, the root included
    std::uint64_t files = 0;      // regular, in the archive
    std::uint64_t bytes = 0;      // of content read (holes not counted)
    std::uint64_t changed = 0;    // content or metadata moved in every try
    std::uint64_t vanished = 0;   // listed, then gone
    std::uint64_t unreadable = 0; // refused or failed to be read, an attribute of it at least
    std::uint64_t skipped = 0;    // sockets
    std::uint64_t elsewhere = 0;  // mount points and subvolumes: what is in them is not in the archive
    std::uint64_t excluded = 0;   // by pattern
};

struct Root { // of the component's root folder, for the manifest
    std::uint32_t uid = 0, gid = 0, mode = 0;
};

struct Sinks {
    stream::Sink& tar;
    stream::Sink& inventory;
    // JSON lines: {"entry": name, "what": "changed", "why": "..."}; bytes not UTF-8 as \xNN
    stream::Sink& report;
};

struct Result {
    Tally tally;
    Root root;
};

// Called now and then (at least every 8 MiB and every 1000 entries) from the same thread.
using Progress = std::function<void(const Tally&)>;

// A root that is a file is the one entry "<prefix>/<its name>". A root that is a link is refused; what lies
// in the top folder under a name that begins with ".miraclemax-" is left out and not counted. An entry that
// was read in part or that moved while it was read stands in the archive, with the size it began with, and in
// the report; one that could not be opened stands in the report alone.
//
// Reads scope and writes the sinks, which the caller finishes. Never fails for what a single entry does;
// throws Error when the root itself can't be opened or a sink throws. May run as soon as writers are frozen;
// memory does not grow with the number of files beyond what one folder's names and the hardlinks need.
Result write_archive(const Scope& scope, const Sinks& sinks, const Progress& progress);

} // namespace miraclemax::archive
