// The part of staging for a root without room for the old data and the new.
#include "archive/folder.hpp"
#include "archive/mounts_below.hpp"
#include "archive/removal.hpp"
#include "archive/staging_folder.hpp"
#include "stream/fault_point.hpp"

#include <algorithm>
#include <cerrno>
#include <limits>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace miraclemax::archive {

using stream::write_error;

namespace {

// Top entries that something is mounted on: they stay.
std::vector<std::string> mount_points(const Ground& ground) {
    std::vector<std::string> tops;
    for (const std::string& mount : mounts_below(ground.top.get())) {
        const std::string top = mount.substr(0, mount.find('/'));
        if (mount != top || !ground.whole) {
            const bool goes = ground.whole || mount == ground.only || mount.starts_with(ground.only + "/");
            const bool below_another = std::find(tops.begin(), tops.end(), top) != tops.end();
            if (goes && !below_another)
                throw Error(ExitCode::destination,
                            "a file system is mounted on " + mount + " in " + ground.path.string() +
                                ", which would have to go",
                            "unmount it, and try again");
            continue;
        }
        tops.push_back(top);
    }
    return tops;
}

void remove_top(const Ground& ground, const std::string& name) {
    MIRACLEMAX_FAULT_POINT("emptying.remove");
    // What /proc did not tell of; what is mounted deeper ends the removal.
    struct stat outer {
    }, inner{};
    if (::fstat(ground.top.get(), &outer) == 0 &&
        ::fstatat(ground.top.get(), name.c_str(), &inner, AT_SYMLINK_NOFOLLOW) == 0 &&
        S_ISDIR(inner.st_mode) && outer.st_dev != inner.st_dev)
        return;
    remove_within(ground.top.get(), name.c_str(), ground.path);
}

constexpr std::uint64_t for_an_entry = 4096; // bytes in the file system, at least

} // namespace

std::uint64_t room_for(std::uint64_t content, std::uint64_t entries) {
    constexpr auto most = std::numeric_limits<std::uint64_t>::max();
    const std::uint64_t around = entries > most / for_an_entry ? most : entries * for_an_entry;
    return content > most - around ? most : content + around;
}

void check_emptying(const Site& site) {
    (void)mount_points(ground_of(site));
}

void empty_root(const Site& site) {
    const Ground ground = ground_of(site);
    const auto stay = mount_points(ground);
    remove_within(ground.top.get(), ground.name.c_str(), ground.path);
    if (!ground.whole) {
        remove_top(ground, ground.only);
    } else {
        Names names;
        if (const int error = names.list(open_below(ground.top.get(), "").get()); error != 0)
            throw write_error("list", ground.path, error);
        for (std::size_t i = 0; i < names.size(); ++i) {
            const std::string name = names[i];
            if (!name.starts_with(".miraclemax-") && std::find(stay.begin(), stay.end(), name) == stay.end())
                remove_top(ground, name);
        }
    }
    MIRACLEMAX_FAULT_POINT("emptying.removed");
    sync_open_folder(ground.top.get(), ground.path);
}

void sweep_staging(const Site& site) {
    const Ground ground = ground_of(site);
    struct stat before {};
    const bool known = ::fstat(ground.top.get(), &before) == 0;
    remove_within(ground.top.get(), ground.name.c_str(), ground.path);
    if (known)
        keep_times(ground.top.get(), before);
    sync_open_folder(ground.top.get(), ground.path);
}

} // namespace miraclemax::archive
