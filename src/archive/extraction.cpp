#include "archive/extraction.hpp"

#include "archive/folder.hpp"
#include "error.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

namespace miraclemax::archive {
namespace {

constexpr std::size_t kOpenFolders = 64;

stream::Descriptor open_folder(int folder, const char* name) {
    open_how how{};
    how.flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV;
    const long fd = syscall(SYS_openat2, folder, name, &how, sizeof how);
    // An old kernel, or a container's filter that doesn't know the call. Names have no slashes, so this is as
    // good.
    if (fd < 0 && (errno == ENOSYS || errno == EPERM))
        return stream::Descriptor(openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    return stream::Descriptor(static_cast<int>(fd));
}

std::string_view parent_of(std::string_view path) {
    const auto slash = path.rfind('/');
    return slash == std::string_view::npos ? std::string_view() : path.substr(0, slash);
}

const char* last_of(const std::string& path) {
    const auto slash = path.rfind('/');
    return path.c_str() + (slash == std::string::npos ? 0 : slash + 1);
}

[[noreturn]] void refuse(const std::string& why) {
    throw Error(ExitCode::failed, "the folder that is restored into " + why);
}

// What its entries would inherit goes.
void prepare_root(int root) {
    Names names;
    if (const int error = names.list(root); error != 0)
        refuse(std::string("can't be listed: ") + std::strerror(error));
    if (names.size() != 0)
        refuse("is not empty");
    for (const std::string_view acl : {kDefaultAcl, kAccessAcl})
        if (fremovexattr(root, acl.data()) != 0 && errno != ENODATA && errno != ENOTSUP)
            refuse(std::string("has an ACL that can't be removed: ") + std::strerror(errno));
    if (fchmod(root, 0700) != 0)
        refuse(std::string("can't be made private: ") + std::strerror(errno));
}

} // namespace

Extraction::Extraction(int into, const Promise& promise, const UnpackOptions& options, Unpacked& result)
    : metadata_(options, promise.prefix, result), result_(result), single_(promise.single) {
    stream::Descriptor root(openat(into, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!root)
        refuse(std::string("can't be opened: ") + std::strerror(errno));
    if (!single_)
        prepare_root(root.get());
    enter(0, std::move(root));
}

void Extraction::enter(std::size_t path_length, stream::Descriptor folder) {
    struct stat status {};
    if (fstat(folder.get(), &status) != 0)
        metadata_.fail("look at", path_, errno);
    Frame frame;
    frame.path_length = path_length;
    frame.device = status.st_dev;
    frame.inode = status.st_ino;
    frame.folder = std::move(folder);
    frames_.push_back(std::move(frame));
    if (frames_.size() > kOpenFolders + 1) // the root's stays open: it is where every search begins
        frames_[frames_.size() - kOpenFolders - 1].folder.reset();
}

// The folder of this path, which is the last frame's or lies in it.
void Extraction::make_folder(std::size_t path_length) {
    const std::size_t before = frames_.back().path_length;
    const std::size_t begin = before == 0 ? 0 : before + 1;
    const std::string name = path_.substr(begin, path_length - begin);
    const int parent = frames_.back().folder.get();
    if (mkdirat(parent, name.c_str(), 0700) != 0)
        metadata_.fail("make the folder", path_.substr(0, path_length), errno == EEXIST ? ENOTDIR : errno);
    stream::Descriptor folder = open_folder(parent, name.c_str());
    if (!folder)
        metadata_.fail("open the folder", path_.substr(0, path_length), errno);
    enter(path_length, std::move(folder));
}

// Leaves the folders that the entry does not lie in, and makes those of which the archive has no entry.
Extraction::Spot Extraction::spot(const std::string& path) {
    const std::string_view parent = parent_of(path);
    while (frames_.size() > 1) {
        const std::string_view here = std::string_view(path_).substr(0, frames_.back().path_length);
        if (here == parent || lies_in(parent, here))
            break;
        leave();
    }
    path_ = path;
    while (frames_.back().path_length < parent.size()) {
        const std::size_t from = frames_.back().path_length == 0 ? 0 : frames_.back().path_length + 1;
        make_folder(std::min(path_.find('/', from), parent.size()));
    }
    return {.folder = frames_.back().folder.get(), .name = last_of(path_)};
}

void Extraction::leave() {
    const Frame done = std::move(frames_.back());
    frames_.pop_back();
    path_.resize(done.path_length);
    // First, as its own mode might not let us through.
    if (!frames_.empty() && !frames_.back().folder) {
        Frame& parent = frames_.back();
        struct stat status {};
        parent.folder = stream::Descriptor(
            openat(done.folder.get(), "..", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
        if (!parent.folder || fstat(parent.folder.get(), &status) != 0 || status.st_dev != parent.device ||
            status.st_ino != parent.inode)
            parent.folder = from_root(parent_of(path_), path_);
    }
    if (done.told)
        metadata_.all(done.folder.get(), done.entry);
}

void Extraction::finish() {
    while (!frames_.empty())
        leave();
}

// For entries whose folder is not at hand.
stream::Descriptor Extraction::from_root(std::string_view path, const std::string& of) const {
    stream::Descriptor folder(fcntl(frames_.front().folder.get(), F_DUPFD_CLOEXEC, 0));
    while (folder && !path.empty()) {
        const std::string name(path.substr(0, path.find('/')));
        path.remove_prefix(std::min(name.size() + 1, path.size()));
        folder = open_folder(folder.get(), name.c_str());
    }
    if (!folder)
        metadata_.fail("find the folder of", of, errno);
    return folder;
}

void Extraction::folder(const ArchivedEntry& entry) {
    if (!entry.path.empty()) {
        spot(entry.path);
        make_folder(entry.path.size());
    }
    Frame& frame = frames_.back();
    metadata_.attributes_of_new_folder(frame.folder.get(), entry);
    frame.entry = entry;
    std::erase_if(frame.entry.attributes,
                  [](const Attribute& one) { return one.name != kAccessAcl && one.name != kDefaultAcl; });
    frame.told = true;
    ++result_.unpacked;
}

void Extraction::special(const ArchivedEntry& entry) {
    const Spot at = spot(entry.path);
    const mode_t mode = entry.status.st_mode;
    const bool device = S_ISCHR(mode) || S_ISBLK(mode);
    const int made = S_ISLNK(mode)
                         ? symlinkat(entry.link.c_str(), at.folder, at.name)
                         : mknodat(at.folder, at.name, (mode & S_IFMT) | 0600, entry.status.st_rdev);
    if (made != 0 && device && (errno == EPERM || errno == EACCES || errno == EINVAL || errno == ENOTSUP))
        return metadata_.withhold_device(entry, errno);
    if (made != 0)
        metadata_.fail("make", entry.path, errno);
    metadata_.all_at(at.folder, at.name, entry);
    ++result_.unpacked;
}

void Extraction::another_name(const ArchivedEntry& entry, std::string_view type) {
    const Spot at = spot(entry.path);
    const std::string_view first = parent_of(entry.link);
    if (!first_folder_ || first != first_path_) {
        first_folder_ = from_root(first, entry.path);
        first_path_ = first;
    }
    struct stat status {};
    const char* name = last_of(entry.link);
    const bool there = fstatat(first_folder_.get(), name, &status, AT_SYMLINK_NOFOLLOW) == 0;
    if (!there && errno == ENOENT && (type == "char" || type == "block"))
        return metadata_.withhold_device(entry, EPERM); // as its first name was
    if (!there || S_ISDIR(status.st_mode))
        metadata_.fail("find what is linked to by", entry.path, there ? ENOENT : errno);
    if (linkat(first_folder_.get(), name, at.folder, at.name, 0) != 0)
        metadata_.fail("link", entry.path, errno);
    ++result_.unpacked;
}

void Extraction::begin_file(const ArchivedEntry& entry) {
    const Spot at = spot(entry.path);
    at_ = written_ = 0;
    file_ = stream::Descriptor(
        openat(at.folder, at.name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY, 0600));
    if (!file_)
        metadata_.fail("make", entry.path, errno);
    // Only here can the folder have had a default ACL of its own.
    if (single_)
        (void)fremovexattr(file_.get(), kAccessAcl.data());
}

void Extraction::data(std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
        const ssize_t count = pwrite(file_.get(), bytes.data(), bytes.size(), static_cast<off_t>(at_));
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            metadata_.fail("write", path_, errno);
        at_ += static_cast<std::uint64_t>(count);
        bytes = bytes.subspan(static_cast<std::size_t>(count));
    }
    written_ = at_;
}

void Extraction::end_file(const ArchivedEntry& entry) {
    if (at_ != written_ && ftruncate(file_.get(), static_cast<off_t>(at_)) != 0)
        metadata_.fail("write", entry.path, errno);
    metadata_.all(file_.get(), entry);
    const int fd = file_.release();
    if (close(fd) != 0 && errno != EINTR)
        metadata_.fail("write", entry.path, errno);
    ++result_.unpacked;
}

void Extraction::drop_file() {
    file_.reset();
    if (unlinkat(frames_.back().folder.get(), last_of(path_), 0) != 0)
        metadata_.fail("replace", path_, errno);
}

} // namespace miraclemax::archive
