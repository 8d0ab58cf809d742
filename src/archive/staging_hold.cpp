// What keeps two workers from the same root. A flock needs no space and goes with its process, however that
// ends.
#include "archive/removal.hpp"
#include "archive/staging_folder.hpp"

#include <cerrno>
#include <chrono>
#include <thread>

#include <sys/file.h>
#include <sys/stat.h>

namespace miraclemax::archive {

namespace {

constexpr auto patience = std::chrono::minutes(20); // less than a worker's time for what nobody can count
constexpr auto between = std::chrono::milliseconds(50);

// False: this file system knows no such lock, and there is nothing better to do there.
bool lock(int folder, int how, const std::filesystem::path& path) {
    const auto until = std::chrono::steady_clock::now() + patience;
    while (::flock(folder, how | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK && errno != EINTR)
            return false;
        if (std::chrono::steady_clock::now() > until)
            throw Error(ExitCode::busy, "another process holds a lock on " + path.string(),
                        "see who it is (lsof, fuser), and try again when it has ended");
        std::this_thread::sleep_for(between);
    }
    return true;
}

bool removed(int folder) {
    struct stat facts {};
    return ::fstat(folder, &facts) == 0 && facts.st_nlink == 0;
}

} // namespace

Hold hold(const Site& site, Reach reach) {
    Ground ground = ground_of(site);
    Hold held;
    lock(ground.top.get(), reach == Reach::root ? LOCK_EX : LOCK_SH, ground.path);
    for (;;) {
        held.staging = open_within(ground.top.get(), ground.name.c_str());
        if (!held.staging || !lock(held.staging.get(), LOCK_EX, ground.path / ground.name) ||
            !removed(held.staging.get()))
            break; // else whoever had it has removed it, and another may be there
    }
    held.root = std::move(ground.top);
    return held;
}

} // namespace miraclemax::archive
