#include "store/backup_folder.hpp"

#include "error.hpp"
#include "store/tree.hpp"
#include "stream/fault_point.hpp"
#include "stream/file.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace miraclemax::store {

namespace fs = std::filesystem;
using stream::Descriptor;
using stream::write_error;

namespace {

constexpr std::string_view work_prefix = ".work-";

void check_part(const std::string& part, std::size_t longest) {
    const auto alnum = [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    };
    const bool good = !part.empty() && part.size() <= longest && alnum(part.front()) &&
                      std::all_of(part.begin(), part.end(),
                                  [&](char c) { return alnum(c) || c == '_' || c == '.' || c == '-'; });
    if (!good) {
        throw Error(ExitCode::config, "'" + part + "' can't be a name within a backup",
                    "use letters, digits, '_', '.' and '-', beginning with a letter or digit, at most 64");
    }
}

void check_category(const std::string& category) {
    static constexpr std::array<std::string_view, 4> taken = {"manifest.json", "manifest.json.sig",
                                                              "SHA256SUMS", "RESTORE.txt"};
    check_part(category, 64);
    if (std::find(taken.begin(), taken.end(), category) != taken.end()) {
        throw Error(ExitCode::config, "a category can't be named '" + category + "'",
                    "a file of each backup has that name; choose another category");
    }
}

void make_folder(const fs::path& path) {
    if (::mkdir(path.c_str(), 0700) != 0) {
        throw write_error("create", path, errno);
    }
}

void make_folder_if_missing(const fs::path& path) {
    if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) {
        throw write_error("create", path, errno);
    }
}

// EINVAL, ENOSYS: a file system or kernel without RENAME_NOREPLACE. The check leaves a gap that the lock
// closes.
void rename_new(const fs::path& from, const fs::path& to) {
    if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) {
        return;
    }
    if (errno == EINVAL || errno == ENOSYS || errno == EOPNOTSUPP) {
        struct stat unused {};
        if (::lstat(to.c_str(), &unused) == 0) {
            errno = EEXIST;
        } else if (::rename(from.c_str(), to.c_str()) == 0) {
            return;
        }
    }
    if (errno == EEXIST || errno == ENOTEMPTY) {
        throw Error(ExitCode::destination, to.string() + " exists already, and is left as it is",
                    "move it away, or run again");
    }
    throw write_error("rename " + from.filename().string() + " to", to, errno);
}

} // namespace

Partial::Partial(const fs::path& root, std::string id)
    : root_(root), id_(std::move(id)), path_(root_ / (".partial-" + id_)) {
    if (!is_backup_id(id_)) {
        throw Error(ExitCode::failed, "'" + id_ + "' is not a backup's id");
    }
    MIRACLEMAX_FAULT_POINT("partial.create");
    make_folder(path_);
}

Partial::~Partial() {
    if (published_) {
        return;
    }
    try {
        remove_tree(root_, path_.filename());
    } catch (...) {
        // The next run's sweep removes it, and says what hinders.
        return;
    }
}

fs::path Partial::work_folder(const std::string& component) {
    check_part(component, 64);
    drop_work_folder(component);
    const fs::path folder = path_ / (std::string(work_prefix) + component);
    make_folder(folder);
    return folder;
}

std::string Partial::adopt(const std::string& component, const std::string& category,
                           const std::string& leaf) {
    check_part(component, 64);
    check_category(category);
    check_part(leaf, 255);
    MIRACLEMAX_FAULT_POINT("partial.adopt");
    const fs::path from = path_ / (std::string(work_prefix) + component) / leaf;
    {
        const Descriptor file(::open(from.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
        struct stat status {};
        // A worker has read what an application wrote: what it leaves is looked at before it is taken over.
        if (!file || ::fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode) || status.st_nlink != 1) {
            throw Error(ExitCode::failed, "the worker of " + component + " left no proper file " + leaf,
                        "run the backup again; if it stays, the log has the worker's last words");
        }
    }
    make_folder_if_missing(path_ / category);
    rename_new(from, path_ / category / leaf);
    return category + "/" + leaf;
}

void Partial::retract(const std::string& relative) {
    const fs::path inside(relative);
    for (const fs::path& part : inside) {
        check_part(part.string(), 255);
    }
    if (::unlink((path_ / inside).c_str()) != 0 && errno != ENOENT) {
        throw write_error("remove", path_ / inside, errno);
    }
    ::rmdir((path_ / inside.parent_path()).c_str()); // where it was the category's only file
}

void Partial::drop_work_folder(const std::string& component) {
    check_part(component, 64);
    remove_tree(path_, std::string(work_prefix) + component);
}

fs::path Partial::place(const std::string& relative) {
    const fs::path inside(relative);
    for (const fs::path& part : inside) {
        check_part(part.string(), 255);
    }
    if (inside.has_parent_path()) {
        make_folder_if_missing(path_ / inside.parent_path());
    }
    return path_ / inside;
}

void Partial::write(const std::string& relative, const std::string& content) {
    stream::write_file(place(relative), content);
}

void Partial::publish() {
    struct stat status {};
    if (::lstat((path_ / "manifest.json").c_str(), &status) != 0 || !S_ISREG(status.st_mode)) {
        throw Error(ExitCode::failed,
                    "the backup " + id_ + " has no manifest.json, so it can't be published");
    }
    const Descriptor folder(::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!folder) {
        throw write_error("open", path_, errno);
    }
    for (const std::string& name : names_in(folder.get(), path_)) {
        if (name.starts_with(work_prefix)) {
            remove_tree(path_, name);
        }
    }
    MIRACLEMAX_FAULT_POINT("publish.sync");
    sync_tree(path_);
    MIRACLEMAX_FAULT_POINT("publish.rename");
    rename_new(path_, root_ / id_);
    published_ = true;
    try {
        MIRACLEMAX_FAULT_POINT("publish.root-sync");
        stream::sync_folder(root_);
    } catch (...) {
        // What is not known to be durable must not be visible.
        published_ = std::rename((root_ / id_).c_str(), path_.c_str()) != 0;
        throw;
    }
}

} // namespace miraclemax::store
