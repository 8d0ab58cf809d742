// Lays entries into a folder, in the order of the walk. Names are resolved one segment at a time in folders
// that this made itself and holds open, by openat2(2) beneath them; no link is ever followed.
#pragma once

#include "archive/archived_entry.hpp"
#include "archive/metadata.hpp"
#include "archive/unpack.hpp"
#include "stream/file.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <sys/stat.h>

namespace miraclemax::archive {

// Borrows everything. Throws as unpack() says. Any depth, with a fixed number of folders open. One thread.
class Extraction {
public:
    // into: the open folder that is the root, or, of a single file, the one that the file is laid in.
    Extraction(int into, const Promise& promise, const UnpackOptions& options, Unpacked& result);

    void folder(const ArchivedEntry& entry);
    void special(const ArchivedEntry& entry);                             // links, FIFOs, devices
    void another_name(const ArchivedEntry& entry, std::string_view type); // type: as the inventory says it
    // A file: begin, its content in order, then one of end and drop (it is not there any more).
    void begin_file(const ArchivedEntry& entry);
    void data(std::span<const std::byte> bytes);
    void hole(std::uint64_t length) { at_ += length; }
    void end_file(const ArchivedEntry& entry);
    void drop_file();

    void finish(); // leaves all folders, the root at last

private:
    struct Frame {
        std::size_t path_length = 0;
        ArchivedEntry entry; // without the attributes that are set already
        bool told = false;   // the archive has an entry of it
        dev_t device = 0;
        ino_t inode = 0;
        stream::Descriptor folder; // empty while too many are open
    };
    struct Spot { // where an entry is to be
        int folder;
        const char* name;
    };

    Spot spot(const std::string& path);
    void enter(std::size_t path_length, stream::Descriptor folder);
    void make_folder(std::size_t path_length);
    void leave();
    stream::Descriptor from_root(std::string_view path, const std::string& of) const;

    MetadataSetter metadata_;
    Unpacked& result_;
    bool single_;
    std::vector<Frame> frames_;
    std::string path_; // of the last entry; the frames' paths are its beginnings

    stream::Descriptor file_;
    std::uint64_t at_ = 0, written_ = 0; // in the file: where the next byte goes; the end of what was written

    stream::Descriptor first_folder_; // of the last hard link's first name
    std::string first_path_;
};

} // namespace miraclemax::archive
