// Opening and listing folders without ever following a link.
#pragma once

#include "stream/file.hpp"

#include <cstdint>
#include <string>
#include <vector>

#include <sys/stat.h>

namespace miraclemax::archive {

// The names in one folder, sorted by their bytes, in one piece of memory.
class Names {
public:
    // Reads all names but "." and "..", or stops when there are `enough`. Returns 0, or the errno that ended
    // the listing early.
    int list(int folder, std::size_t enough = SIZE_MAX);
    [[nodiscard]] std::size_t size() const noexcept { return begins_.size(); }
    [[nodiscard]] const char* operator[](std::size_t i) const noexcept { return text_.data() + begins_[i]; }

private:
    std::string text_; // each name with its NUL
    std::vector<std::uint32_t> begins_;
};

// Opens for reading, never through a link in the last place, never waiting for a FIFO's other end, and
// without touching the access time where that is permitted. Remembers when it isn't. One thread.
class Opener {
public:
    // Empty: errno tells why.
    stream::Descriptor open(int folder, const char* name, bool want_folder);

private:
    bool keep_access_time_ = true;
};

bool same_file(const struct stat& a, const struct stat& b);
// Neither content nor metadata moved between the two, as far as their times tell.
bool unmoved(const struct stat& a, const struct stat& b);

} // namespace miraclemax::archive
