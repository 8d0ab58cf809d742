#include "store/backup_folder.hpp"

#include "error.hpp"
#include "store/backup_id.hpp"
#include "store/tree.hpp"
#include "stream/fault_point.hpp"
#include "stream/file.hpp"

#include <cerrno>

#include <sys/stat.h>
#include <unistd.h>

namespace miraclemax::store {
namespace {

constexpr const char* pins = ".pinned";

} // namespace

void BackupFolder::remove(const std::string& id) {
    const auto path = path_of(id);
    struct stat status {};
    if (::lstat(path.c_str(), &status) != 0 || !S_ISDIR(status.st_mode))
        throw Error(ExitCode::not_found, "there is no backup " + id + " in " + root_.string());
    if (latest() == id)
        throw Error(ExitCode::failed, "backup " + id + " is what `latest` points to", "it is not removed");
    const auto withdrawn = root_ / (std::string(removed_prefix) + id);
    MIRACLEMAX_FAULT_POINT("removal.withdraw");
    if (::rename(path.c_str(), withdrawn.c_str()) != 0)
        throw stream::write_error("withdraw the backup", path, errno);
    stream::sync_folder(root_);
    MIRACLEMAX_FAULT_POINT("removal.delete");
    remove_tree(root_, withdrawn.filename().string());
    unpin(id);
}

void BackupFolder::pin(const std::string& id) {
    struct stat status {};
    if (::lstat(path_of(id).c_str(), &status) != 0)
        throw Error(ExitCode::not_found, "there is no backup " + id + " in " + root_.string(),
                    "`miraclemax list` shows those there are");
    const auto folder = root_ / pins;
    if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST)
        throw stream::write_error("create", folder, errno);
    stream::replace_file(folder / id, "");
    stream::sync_folder(root_);
}

void BackupFolder::unpin(const std::string& id) {
    const auto mark = root_ / pins / path_of(id).filename();
    if (::unlink(mark.c_str()) != 0 && errno != ENOENT && errno != ENOTDIR)
        throw stream::write_error("remove", mark, errno);
}

bool BackupFolder::is_pinned(const std::string& id) const {
    struct stat status {};
    const auto mark = root_ / pins / path_of(id).filename();
    if (::lstat(mark.c_str(), &status) == 0)
        return true;
    if (errno != ENOENT && errno != ENOTDIR)
        throw stream::write_error("look for", mark, errno); // not known is not "no"
    return false;
}

} // namespace miraclemax::store
