// Mount namespaces: mount_namespaces(7).
#include "worker/lock_down.hpp"

#include "stream/file.hpp"

#include <string>
#include <system_error>

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>

namespace miraclemax::worker {

namespace {

namespace fs = std::filesystem;

bool is_within(const fs::path& path, const fs::path& folder) {
    const fs::path rest = path.lexically_normal().lexically_relative(folder.lexically_normal());
    return !rest.empty() && *rest.begin() != "..";
}

void cover(const fs::path& folder, const fs::path& kept) {
    struct stat what {};
    if (::lstat(folder.c_str(), &what) != 0 || !S_ISDIR(what.st_mode))
        return;
    const bool holds = !kept.empty() && is_within(kept, folder);
    const stream::Descriptor inside(holds ? ::open(kept.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC) : -1);
    if (::mount("none", folder.c_str(), "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "size=64k,mode=0755") !=
            0 ||
        !inside)
        return;
    std::error_code ignored;
    fs::create_directories(kept, ignored);
    const std::string from = "/proc/self/fd/" + std::to_string(inside.get());
    ::mount(from.c_str(), kept.c_str(), nullptr, MS_BIND, nullptr);
}

} // namespace

void hide(const std::vector<fs::path>& folders, const fs::path& kept) {
    if (folders.empty())
        return;
    if (::unshare(CLONE_NEWNS) == 0 && ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0) {
        for (const fs::path& folder : folders)
            cover(folder, kept);
    }
    ::unshare(CLONE_NEWNET);
    ::unshare(CLONE_NEWIPC);
}

} // namespace miraclemax::worker
