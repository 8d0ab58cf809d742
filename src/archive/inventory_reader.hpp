// The inventory beside the archive, line by line. What an entry has to be like is written by Inventory itself
// and compared as text: so everything that stands in a line counts, and only lines that it writes are good.
#pragma once

#include "archive/archived_entry.hpp"
#include "archive/content_hash.hpp"
#include "archive/inventory.hpp"
#include "stream/digest.hpp"
#include "stream/stream.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace miraclemax::archive {

// Borrows the source. Everything throws Error (damaged) for lines that Inventory doesn't write, and what the
// source throws. Memory: two lines of the longest name. One thread.
class InventoryReader {
public:
    // single: the component is one file.
    InventoryReader(stream::Source& source, bool single);

    // Goes on to the next entry's line, and compares its path. The names in messages begin with prefix.
    void find(const ArchivedEntry& entry, const std::string& prefix);
    // Compares all of the line that find() went to. Of another name of an entry, whose type, size and content
    // the archive doesn't tell again, it compares owner, mode and time.
    void compare(const ArchivedEntry& entry, const ContentDigest& digest, const std::string& name);
    // Which digest the line has.
    [[nodiscard]] ContentHash::Of digest_of() const;
    // All after the path of the line that find() went to, its attributes' digest included. Two names of one
    // file have the same.
    [[nodiscard]] std::string_view tail() const;
    // Its type: "file", "link" and so on.
    [[nodiscard]] std::string_view type() const;
    // There is no further line. last: the name of the last entry.
    void finish(const std::string& last);

private:
    bool read_line(std::string& line);
    bool read_entry();
    std::string_view expected(const ArchivedEntry& entry, const ContentDigest& digest);
    [[noreturn]] void differs(const std::string& name, std::string_view want, std::string_view there) const;

    // Keeps what Inventory writes until it is cleared.
    class Text : public stream::Sink {
    public:
        void write(stream::Bytes bytes) override {
            content.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
        }
        void finish() override {}
        std::string content;
    };

    stream::Source& source_;
    std::vector<std::byte> buffer_;
    std::size_t begin_ = 0, end_ = 0;
    std::string ahead_; // the line after those of the entry
    bool more_ = false; // ahead_ is one
    std::string entry_; // the lines of the entry, as they stand there
    std::size_t path_end_ = 0;
    Text text_;
    Inventory writer_;
};

} // namespace miraclemax::archive
