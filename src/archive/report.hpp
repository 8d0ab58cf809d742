// The names of the entries that the archive does not hold as they are, one JSON object a line.
#pragma once

#include "stream/stream.hpp"

#include <string>
#include <string_view>

namespace miraclemax::archive {

enum class What { changed, vanished, unreadable, skipped, elsewhere };

// text as the inside of a JSON string (RFC 8259). Bytes that are not UTF-8, and backslashes, so that the two
// can be told apart, become \xNN in the string that a reader of the JSON gets.
std::string json_text(std::string_view text);

// Borrows the sink. Lines wait in a buffer until it is full or flush() is called; both throw what the sink
// throws.
class Report {
public:
    explicit Report(stream::Sink& sink) : sink_(sink) {}

    void add(std::string_view entry, What what, std::string_view why);
    void flush();

private:
    stream::Sink& sink_;
    std::string lines_;
};

} // namespace miraclemax::archive
