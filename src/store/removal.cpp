#include "store/backup_folder.hpp"

#include "error.hpp"
#include "store/backup_id.hpp"
#include "store/tree.hpp"
#include "stream/fault_point.hpp"
#include "stream/file.hpp"

#include <cerrno>
#include <optional>

#include <sys/stat.h>
#include <unistd.h>

namespace miraclemax::store {

using stream::demand_folder;
using stream::is_folder;
using stream::is_there;

namespace {

constexpr const char* pins = ".pinned";

Error none(const std::string& id, const std::filesystem::path& root) {
    return {ExitCode::not_found, "there is no backup " + id + " in " + root.string(),
            "`miraclemax list` shows those there are"};
}

std::string withdrawn_name(const std::string& id) {
    return std::string(removed_prefix) + id;
}

} // namespace

bool BackupFolder::withdraw(const std::string& id) {
    const auto path = path_of(id);
    if (!is_folder(path))
        throw none(id, root_);
    if (latest() == id)
        throw Error(ExitCode::failed, "backup " + id + " is what `latest` points to", "it is not removed");
    const auto withdrawn = root_ / withdrawn_name(id);
    MIRACLEMAX_FAULT_POINT("removal.withdraw");
    if (::rename(path.c_str(), withdrawn.c_str()) != 0)
        throw stream::write_error("withdraw the backup", path, errno);
    bool pinned = true; // not known is not "no"
    std::optional<Error> trouble;
    try {
        pinned = is_pinned(id);
    } catch (const Error& error) {
        trouble = error;
    }
    if (pinned && ::rename(withdrawn.c_str(), path.c_str()) != 0)
        throw stream::write_error("put back the backup", path, errno);
    stream::sync_folder(root_);
    if (trouble)
        throw *trouble;
    return !pinned;
}

void BackupFolder::discard(const std::string& id) {
    MIRACLEMAX_FAULT_POINT("removal.delete");
    remove_tree(root_, withdrawn_name(id));
    unpin(id);
}

void BackupFolder::remove(const std::string& id) {
    if (!withdraw(id))
        throw Error(ExitCode::failed, "backup " + id + " is pinned", "it is not removed");
    discard(id);
}

void BackupFolder::pin(const std::string& id) {
    if (!is_folder(path_of(id)))
        throw none(id, root_);
    const auto folder = root_ / pins;
    if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST)
        throw stream::write_error("create", folder, errno);
    demand_folder(folder);
    stream::replace_file(folder / id, "");
    stream::sync_folder(root_);
    if (!is_folder(path_of(id))) { // a removal that did not see the mark has taken it meanwhile
        unpin(id);
        throw none(id, root_);
    }
}

void BackupFolder::unpin(const std::string& id) {
    const auto mark = root_ / pins / path_of(id).filename();
    if (!is_there(root_ / pins))
        return;
    demand_folder(root_ / pins);
    if (::unlink(mark.c_str()) != 0 && errno != ENOENT)
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
