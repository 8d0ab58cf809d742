// The walk through a component: every entry once, in the order of the names' bytes, a folder before what it
// holds.
#pragma once

#include "archive/folder.hpp"
#include "archive/report.hpp"

#include <cstddef>
#include <string>
#include <vector>

#include <sys/stat.h>

namespace miraclemax::archive {

// An entry as it is reached: by its name in an open folder, so that nothing that is swapped elsewhere on the
// path can lead away. Valid during the call it is handed to.
struct Place {
    const std::string& path; // relative to the root; "" is the root
    int folder;              // the open folder that it is in (may be O_PATH)
    const char* name;
};

// What is met on the way. Calls come from the thread that walks. May throw; that ends the walk.
class Visitor {
public:
    Visitor() = default;
    Visitor(const Visitor&) = delete;
    Visitor& operator=(const Visitor&) = delete;
    virtual ~Visitor() = default;

    // True: leave it out, and all that is in it.
    virtual bool excluded(const std::string& path, bool folder) = 0;
    // A folder; descriptor is -1 if it could not be opened.
    virtual void folder(const Place& place, int descriptor, const struct stat& status) = 0;
    // The folder is done; before and after: what it was when its names were read, and what it is now.
    virtual void left(const std::string& path, const struct stat& before, const struct stat& after) = 0;
    // Anything else. False: it moved meanwhile and nothing was written; look again. With last, only return
    // false if it can't be opened.
    virtual bool entry(const Place& place, const struct stat& status, bool last) = 0;
    virtual void missed(const std::string& path, What what, const std::string& why) = 0;
};

// Stays on the root's file system. Any depth: keeps no more than a fixed number of folders open, and finds
// the others again by "..", or from the root, and only ever the very same ones.
class Walk {
public:
    explicit Walk(Visitor& visitor) : visitor_(visitor) {}

    // root: an open folder; duplicated, so the caller may close it.
    void tree(int root);
    // One entry that is no folder: path is what the visitor hears.
    void single(int folder, const char* name, const std::string& path);

    [[nodiscard]] Opener& opener() noexcept { return opener_; }

private:
    struct Frame {
        std::size_t path_length = 0;
        Names names;
        std::size_t next = 0;
        struct stat status {};
        stream::Descriptor folder; // empty while there are too many open
    };

    void step(int folder, const char* name);
    bool try_folder(const Place& place, const struct stat& seen);
    bool elsewhere(const Place& place, const struct stat& status) const;
    void enter(const Place& place, stream::Descriptor folder, const struct stat& status);
    void leave();
    bool reopen(std::size_t index, int child);
    bool reopen_from_root(std::size_t index);

    Visitor& visitor_;
    Opener opener_;
    std::vector<Frame> frames_;
    std::string path_;
    dev_t device_ = 0;
};

} // namespace miraclemax::archive
