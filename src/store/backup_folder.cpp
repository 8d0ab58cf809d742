#include "store/backup_folder.hpp"

#include "error.hpp"
#include "store/backup_id.hpp"
#include "store/tree.hpp"
#include "stream/fault_point.hpp"
#include "stream/file.hpp"

#include <algorithm>
#include <array>
#include <cerrno>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

namespace miraclemax::store {

namespace fs = std::filesystem;
using stream::Descriptor;
using stream::write_error;

namespace {

constexpr std::string_view partial_prefix = ".partial-";

void check_folder(const fs::path& root) {
    struct stat status {};
    if (::stat(root.c_str(), &status) != 0) {
        if (errno == ENOENT) {
            throw Error(ExitCode::destination, "the backup folder " + root.string() + " is missing",
                        "mount it, or create it: mkdir -m 0700 " + root.string());
        }
        throw write_error("reach the backup folder", root, errno);
    }
    if (!S_ISDIR(status.st_mode)) {
        throw Error(ExitCode::destination, "the backup folder " + root.string() + " is not a folder",
                    "name a folder, or move that file away");
    }
}

// Access rights alone do not tell (root, NFS with root_squash, read-only mounts): a file does.
void probe(const fs::path& root) {
    const fs::path path = root / (".probe-" + std::to_string(::getpid()));
    const Descriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (file) {
        ::unlink(path.c_str());
        return;
    }
    // A full disk is no reason not to list, verify or prune what is there.
    if (errno != ENOSPC && errno != EDQUOT) {
        throw write_error("write in the backup folder", root, errno);
    }
}

Descriptor open_root(const fs::path& root) {
    Descriptor folder(::open(root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!folder) {
        throw write_error("open the backup folder", root, errno);
    }
    return folder;
}

bool is_published(int root, const std::string& id) {
    struct stat status {};
    return ::fstatat(root, id.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(status.st_mode) &&
           ::fstatat(root, (id + "/manifest.json").c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0 &&
           S_ISREG(status.st_mode);
}

} // namespace

BackupFolder::BackupFolder(fs::path root, Use use) : root_(fs::absolute(root).lexically_normal()) {
    if (!root_.has_filename() && root_ != root_.root_path()) {
        root_ = root_.parent_path();
    }
    check_folder(root_);
    if (use == Use::writing) {
        probe(root_);
    }
}

std::vector<std::string> BackupFolder::ids() const {
    const Descriptor root = open_root(root_);
    std::vector<BackupId> found;
    for (const std::string& name : names_in(root.get(), root_)) {
        if (const std::optional<BackupId> id = parse_backup_id(name); id && is_published(root.get(), name)) {
            found.push_back(*id);
        }
    }
    std::sort(found.begin(), found.end());
    std::vector<std::string> names;
    names.reserve(found.size());
    for (const BackupId& id : found) {
        names.push_back(to_string(id));
    }
    return names;
}

fs::path BackupFolder::path_of(const std::string& id) const {
    if (!is_backup_id(id)) {
        throw Error(ExitCode::not_found, "'" + id + "' is not a backup's id",
                    "an id looks like 20251016_030000; `miraclemax list` shows them");
    }
    return root_ / id;
}

std::optional<std::string> BackupFolder::latest() const {
    std::array<char, 256> target{};
    const ssize_t length = ::readlink((root_ / "latest").c_str(), target.data(), target.size());
    if (length < 0) {
        if (errno == ENOENT || errno == EINVAL) {
            return std::nullopt;
        }
        throw write_error("read the link", root_ / "latest", errno);
    }
    const std::string id(target.data(), static_cast<std::size_t>(length));
    if (!is_backup_id(id) || !is_published(open_root(root_).get(), id)) {
        return std::nullopt;
    }
    return id;
}

void BackupFolder::set_latest(const std::string& id) {
    const fs::path link = root_ / "latest";
    if (!is_published(open_root(root_).get(), path_of(id).filename())) {
        throw Error(ExitCode::not_found, "there is no backup " + id + " in " + root_.string());
    }
    const fs::path fresh = root_ / (".latest-" + std::to_string(::getpid()));
    MIRACLEMAX_FAULT_POINT("latest.link");
    ::unlink(fresh.c_str());
    if (::symlink(id.c_str(), fresh.c_str()) != 0) {
        throw write_error("create the link", link, errno);
    }
    try {
        MIRACLEMAX_FAULT_POINT("latest.rename");
        if (::rename(fresh.c_str(), link.c_str()) != 0) {
            throw write_error("set the link", link, errno);
        }
        stream::sync_folder(root_);
    } catch (...) {
        ::unlink(fresh.c_str());
        throw;
    }
}

std::string BackupFolder::next_id(std::chrono::system_clock::time_point now) const {
    const Descriptor root = open_root(root_);
    std::vector<BackupId> taken;
    const auto take = [&](const std::string& name) {
        if (std::optional<BackupId> id = parse_backup_id(name)) {
            taken.push_back(std::move(*id));
        }
    };
    for (const std::string& name : names_in(root.get(), root_)) {
        // Whatever has the name: a folder without a manifest would hinder the rename too.
        take(name.starts_with(partial_prefix) ? name.substr(partial_prefix.size()) : name);
    }
    // What was removed has its record under its id, which a second one would be taken for.
    if (const fs::path records = removal_records(); fs::exists(records)) {
        for (const std::string& name : names_in(open_root(records).get(), records)) {
            take(fs::path(name).stem().string());
        }
    }
    return to_string(free_id(stamp_of(now), taken));
}

std::vector<std::string> BackupFolder::sweep() {
    static constexpr std::array<std::string_view, 4> debris = {partial_prefix, ".latest-", ".probe-",
                                                               removed_prefix};
    const Descriptor root = open_root(root_);
    std::vector<std::string> removed;
    std::optional<Error> first_failure;
    for (const std::string& name : names_in(root.get(), root_)) {
        if (std::none_of(debris.begin(), debris.end(),
                         [&](auto prefix) { return name.starts_with(prefix); })) {
            continue;
        }
        try {
            remove_tree(root_, name);
            removed.push_back(name);
        } catch (const Error& error) {
            first_failure = first_failure ? first_failure : error;
        }
    }
    if (first_failure) {
        throw first_failure->with("what a dead run left is in the way");
    }
    std::sort(removed.begin(), removed.end());
    return removed;
}

std::uint64_t BackupFolder::free_bytes() const {
    struct statvfs status {};
    if (::statvfs(root_.c_str(), &status) != 0) {
        throw write_error("ask for the free space of", root_, errno);
    }
    return static_cast<std::uint64_t>(status.f_bavail) * status.f_frsize;
}

} // namespace miraclemax::store
