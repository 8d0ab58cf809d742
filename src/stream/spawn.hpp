// What posix_spawn(3) starts a child by: its actions and attributes, with an owner.
#pragma once

#include "stream/file.hpp"

#include <spawn.h>

namespace miraclemax::stream {

struct Spawn {
    enum class Group { parents, own }; // a terminal's Ctrl-C goes to a whole process group
    // In the child no signal is blocked or ignored.
    explicit Spawn(Group group);
    ~Spawn();
    Spawn(const Spawn&) = delete;
    Spawn& operator=(const Spawn&) = delete;

    posix_spawn_file_actions_t actions{};
    posix_spawnattr_t attributes{};
};

// The same file by a number above those that a child is given, so that no action overwrites what a later one
// needs; close-on-exec. Empty: errno says why there is none.
[[nodiscard]] Descriptor lifted(Descriptor file);

} // namespace miraclemax::stream
