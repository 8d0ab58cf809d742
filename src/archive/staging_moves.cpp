// The part of the staging folder that renames.
#include "archive/folder.hpp"
#include "archive/mounts_below.hpp"
#include "archive/removal.hpp"
#include "archive/staging_folder.hpp"
#include "archive/staging_metadata.hpp"
#include "stream/fault_point.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace miraclemax::archive {

using stream::Descriptor;
using stream::write_error;

namespace {

std::string parent_of(const std::string& path) {
    const auto slash = path.rfind('/');
    return slash == std::string::npos ? std::string() : path.substr(0, slash);
}

std::string last_of(const std::string& path) {
    const auto slash = path.rfind('/');
    return slash == std::string::npos ? path : path.substr(slash + 1);
}

bool exists(int folder, const std::string& name, const std::filesystem::path& path) {
    struct stat unused {};
    if (::fstatat(folder, name.c_str(), &unused, AT_SYMLINK_NOFOLLOW) == 0)
        return true;
    if (errno != ENOENT)
        throw write_error("look at " + name + " in", path, errno);
    return false;
}

// Every beginning of "a/b/c": "a", "a/b", "a/b/c".
std::vector<std::string> beginnings_of(const std::string& path) {
    std::vector<std::string> all;
    for (std::size_t slash = path.find('/'); slash != std::string::npos; slash = path.find('/', slash + 1))
        all.push_back(path.substr(0, slash));
    all.push_back(path);
    return all;
}

Error mounted(const std::string& what, const std::filesystem::path& in) {
    return {ExitCode::destination,
            "a file system is mounted on " + what + " in " + in.string() + ", which would have to move",
            "unmount it, and try again"};
}

} // namespace

int rename_alone(int from, int to, const std::string& name, const std::filesystem::path& path) {
    if (::renameat2(from, name.c_str(), to, name.c_str(), RENAME_NOREPLACE) == 0)
        return 0;
    if (errno != EINVAL && errno != ENOSYS && errno != ENOTSUP)
        return errno;
    // Not every file system knows the flag (NFS). Nobody else is here, so looking first is as good.
    if (exists(to, name, path))
        return EEXIST;
    return ::renameat(from, name.c_str(), to, name.c_str()) == 0 ? 0 : errno;
}

bool StagingFolder::stays(const std::string& name) const {
    return name.starts_with(".miraclemax-") || stays_.contains(name);
}

void StagingFolder::store_staying() {
    std::string content;
    for (const std::string& name : stays_)
        content += name + '\0';
    replace("stays", content);
}

void StagingFolder::load() {
    if (!ground_.whole) {
        moves_ = read("moves");
        if (moves_.empty())
            throw Error(ExitCode::failed, path().string() + " doesn't say which path moves");
        return;
    }
    const std::string content = read("stays");
    for (std::size_t begin = 0; begin < content.size();) {
        const std::size_t end = std::min(content.find('\0', begin), content.size());
        stays_.insert(content.substr(begin, end - begin));
        begin = end + 1;
    }
}

void StagingFolder::prepare_whole() {
    load(); // what stayed once stays, even if it is no mount point today
    for (const std::string& mount : mounts_below(ground_.top.get())) {
        if (mount.find('/') == std::string::npos)
            stays_.insert(mount);
        else if (!stays(mount.substr(0, mount.find('/'))) &&
                 exists(ground_.top.get(), mount.substr(0, mount.find('/')), ground_.path))
            throw mounted(mount, ground_.path);
    }
    store_staying();
}

void StagingFolder::prepare_single() {
    Descriptor at = required(ground_.top.get(), "");
    moves_ = ground_.only;
    for (const std::string& beginning : beginnings_of(ground_.only)) {
        if (!exists(at.get(), last_of(beginning), ground_.path)) {
            moves_ = beginning;
            break;
        }
        if (beginning == ground_.only)
            break;
        at = open_within(at.get(), last_of(beginning).c_str());
        if (!at && errno == EXDEV)
            throw mounted(beginning, ground_.path);
        if (!at)
            throw Error(ExitCode::destination,
                        beginning + " in " + ground_.path.string() + " is in the way: it is no folder",
                        "move it away");
    }
    if (!exists(required(folder_.get(), "new/" + parent_of(ground_.only)).get(), last_of(ground_.only),
                path() / "new"))
        throw Error(ExitCode::failed, ground_.only + " is not in " + (path() / "new").string());
    const Descriptor old = slot(Slot::old_data);
    clear_plain_parents(old.get());
    for (const std::string& parent : beginnings_of(moves_))
        if (parent != moves_)
            make_folder(required(old.get(), parent_of(parent)).get(), last_of(parent));
    replace("moves", moves_);
}

// Of an earlier attempt that was undone. Only empty folders can go here: old data never does.
void StagingFolder::clear_plain_parents(int old) {
    for (std::string parent = parent_of(ground_.only); !parent.empty(); parent = parent_of(parent)) {
        const Descriptor around_it = open_below(old, parent_of(parent));
        if (around_it && ::unlinkat(around_it.get(), last_of(parent).c_str(), AT_REMOVEDIR) != 0 &&
            errno != ENOENT)
            throw write_error("remove", path() / "old" / parent, errno);
    }
}

void StagingFolder::prepare(Slot leaving, bool first) {
    // Before anything looks into the root, which may move its access time.
    const auto record_path = path() / (leaving == Slot::old_data ? "old.root" : "new.root");
    make_folder(folder_.get(), "old");
    const Descriptor kept = record(leaving);
    if (ground_.whole)
        copy_metadata(ground_.top.get(), kept.get(), record_path);
    if (ground_.whole)
        prepare_whole();
    else if (first)
        prepare_single();
    else
        load();
    if (!ground_.whole) {
        copy_times(around(ground_.top).get(), kept.get(), record_path);
        for (const std::string& mount : mounts_below(ground_.top.get()))
            if (mount == moves_ || mount.starts_with(moves_ + "/"))
                throw mounted(mount, ground_.path);
        sync_open_folder(around(slot(leaving)).get(), path());
    }
    MIRACLEMAX_FAULT_POINT("staging.prepared");
    const Descriptor place = slot(leaving);
    for (const int folder : {kept.get(), place.get(), folder_.get()})
        sync_open_folder(folder, path());
}

Descriptor StagingFolder::around(const Descriptor& base) const {
    return required(base.get(), parent_of(moves_));
}

void StagingFolder::move_out(Slot to) {
    move_all(to, Way::out);
}

void StagingFolder::move_in(Slot from) {
    move_all(from, Way::in);
}

void StagingFolder::move_all(Slot which, Way way) {
    const Descriptor place = slot(which);
    const Descriptor& from = way == Way::out ? ground_.top : place;
    const Descriptor& to = way == Way::out ? place : ground_.top;
    if (!ground_.whole) {
        const Descriptor out = around(from), in = around(to);
        if (exists(out.get(), last_of(moves_), path()))
            move(out.get(), in.get(), last_of(moves_), way);
        sync_open_folder(in.get(), path());
        sync_open_folder(out.get(), path());
        return;
    }
    // A description of its own: the root is listed more than once when something has to be undone.
    const Descriptor listing = required(from.get(), "");
    Names names;
    if (const int error = names.list(listing.get()); error != 0)
        throw write_error("list", path(), error);
    for (std::size_t i = 0; i < names.size(); ++i)
        if (!stays(names[i]))
            move(from.get(), to.get(), names[i], way);
    sync_open_folder(to.get(), path());
    sync_open_folder(from.get(), path());
    MIRACLEMAX_FAULT_POINT("staging.moved");
}

void StagingFolder::move(int from, int to, const std::string& name, Way way) {
    MIRACLEMAX_FAULT_POINT("staging.move");
    int error = rename_alone(from, to, name, ground_.path);
    if (error == EEXIST && makes_way_) {
        // What is moved leaves its old place at once: of two, the one in the root came later.
        move_astray(way == Way::out ? from : to, name);
        error = way == Way::out ? 0 : rename_alone(from, to, name, ground_.path);
    }
    if (error == 0)
        return;
    if (error == EBUSY && ground_.whole) { // a mount point that /proc did not tell of
        stays_.insert(name);
        store_staying();
        return;
    }
    if (error == EEXIST)
        throw Error(ExitCode::failed,
                    name + " appeared in " + ground_.path.string() + " while it was being restored",
                    "stop what writes there, move that entry away, and run miraclemax recover");
    throw write_error("move " + name + " within", ground_.path, error);
}

void StagingFolder::dress_root(Slot as) {
    MIRACLEMAX_FAULT_POINT("staging.dress");
    if (ground_.whole)
        copy_metadata(record(as).get(), ground_.top.get(), ground_.path);
    sync_open_folder(ground_.top.get(), ground_.path);
}

void StagingFolder::dress_root_again(Slot as) {
    if (!ground_.whole) {
        const Descriptor folder = around(ground_.top);
        copy_times(record(as).get(), folder.get(), ground_.path);
        sync_open_folder(folder.get(), ground_.path);
        return;
    }
    dress_root(as);
}

} // namespace miraclemax::archive
