#include "archive/archive.hpp"

#include "archive/component_writer.hpp"
#include "archive/walk.hpp"
#include "error.hpp"

#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace miraclemax::archive {
namespace {

[[noreturn]] void refuse(const std::filesystem::path& root, int error) {
    throw Error(ExitCode::failed, root.string() + " can't be opened: " + std::strerror(error),
                error == EACCES || error == EPERM
                    ? "The worker needs CAP_DAC_READ_SEARCH, or to be run as root."
                    : "");
}

Root root_of(const struct stat& status) {
    return {.uid = status.st_uid, .gid = status.st_gid, .mode = status.st_mode & 07777U};
}

// The root is a file: the one entry is "<prefix>/<its name>".
Root write_single(const std::filesystem::path& root, Walk& walk, ComponentWriter& writer) {
    const std::string name = root.filename();
    const std::filesystem::path parent = root.has_parent_path() ? root.parent_path() : ".";
    const stream::Descriptor folder(::open(parent.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    struct stat status {};
    if (!folder || fstatat(folder.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0)
        refuse(root, errno);
    if (S_ISLNK(status.st_mode))
        throw Error(ExitCode::failed, root.string() + " is a symbolic link",
                    "Name the folder that it leads to.");
    if (!S_ISREG(status.st_mode))
        throw Error(ExitCode::failed, root.string() + " is neither a folder nor a regular file");
    writer.only_entry_follows();
    walk.single(folder.get(), name.c_str(), name);
    return root_of(status);
}

} // namespace

Result write_archive(const Scope& scope, const Sinks& sinks, const Progress& progress) {
    ComponentWriter writer(scope, sinks, progress);
    Walk walk(writer);
    writer.use(walk.opener());
    Result result;
    std::filesystem::path path = scope.root.lexically_normal();
    if (!path.has_filename() && path.has_relative_path())
        path = path.parent_path(); // without the slash at the end, which would follow a link
    const stream::Descriptor root(
        ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
    struct stat status {};
    if (root) {
        if (fstat(root.get(), &status) != 0)
            refuse(path, errno);
        result.root = root_of(status);
        walk.tree(root.get());
    } else if (errno == ENOTDIR || errno == ELOOP) {
        result.root = write_single(path, walk, writer);
    } else {
        refuse(path, errno);
    }
    writer.finish();
    result.tally = writer.tally();
    return result;
}

} // namespace miraclemax::archive
