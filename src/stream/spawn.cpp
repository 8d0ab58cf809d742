#include "stream/spawn.hpp"

#include <csignal>

#include <fcntl.h>

namespace miraclemax::stream {

Spawn::Spawn(Group group) {
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawnattr_init(&attributes);
    sigset_t none;
    sigset_t all;
    sigemptyset(&none);
    sigfillset(&all);
    ::posix_spawnattr_setsigmask(&attributes, &none);
    ::posix_spawnattr_setsigdefault(&attributes, &all);
    ::posix_spawnattr_setpgroup(&attributes, 0);
    const int flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
    ::posix_spawnattr_setflags(
        &attributes, static_cast<short>(group == Group::own ? flags | POSIX_SPAWN_SETPGROUP : flags));
}

Spawn::~Spawn() {
    ::posix_spawn_file_actions_destroy(&actions);
    ::posix_spawnattr_destroy(&attributes);
}

Descriptor lifted(Descriptor file) {
    return Descriptor(::fcntl(file.get(), F_DUPFD_CLOEXEC, 10));
}

} // namespace miraclemax::stream
