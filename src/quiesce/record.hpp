// The journal's records as text. Pure.
#pragma once

#include "quiesce/journal.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace miraclemax::quiesce {

// Each is a whole line. CRC-32 as in RFC 1952 (zlib's crc32), of the JSON.
std::string run_record(const std::string& run);
std::string intend_record(const Entry& entry);
std::string done_record(const std::string& id);

struct Reading {
    std::vector<Entry> open{}; // intended and not done, in the order of the intents
    bool damaged = false;
    std::size_t end = 0;      // where the next record goes
    bool inside_line = false; // the byte before `end` does not end a line
};

// Takes any bytes; never throws for what they say.
Reading read_records(std::string_view content);

} // namespace miraclemax::quiesce
