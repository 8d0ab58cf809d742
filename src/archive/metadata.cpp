#include "archive/metadata.hpp"

#include "archive/report.hpp"
#include "error.hpp"

#include <array>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

namespace miraclemax::archive {

// An open file or folder, or a name in a folder.
struct MetadataSetter::Target {
    int descriptor = -1;
    int folder = -1;
    const char* name = nullptr;

    [[nodiscard]] int set(const Attribute& one) const {
        if (descriptor >= 0)
            return fsetxattr(descriptor, one.name.c_str(), one.value.data(), one.value.size(), 0);
        const std::string path = "/proc/self/fd/" + std::to_string(folder) + "/" + name;
        return lsetxattr(path.c_str(), one.name.c_str(), one.value.data(), one.value.size(), 0);
    }
    // ext4 says "disk full" when an attribute doesn't fit into its one block.
    [[nodiscard]] bool full() const {
        struct statvfs space {};
        return fstatvfs(descriptor >= 0 ? descriptor : folder, &space) != 0 || space.f_bavail < 64;
    }
};

namespace {

constexpr std::size_t kNamed = 100;
constexpr mode_t kSetId = S_ISUID | S_ISGID;

bool acl(const Attribute& attribute) {
    return attribute.name == kAccessAcl || attribute.name == kDefaultAcl;
}

// Refused to this process or this file system, as opposed to one that fails.
bool refused(int error) {
    return error == EPERM || error == EACCES || error == ENOTSUP || error == EINVAL || error == E2BIG ||
           error == ERANGE || error == ENOENT || error == EOVERFLOW || error == ENODATA;
}

std::array<timespec, 2> times(const ArchivedEntry& entry) {
    return {timespec{.tv_sec = 0, .tv_nsec = UTIME_OMIT}, entry.status.st_mtim};
}

} // namespace

void MetadataSetter::fail(const std::string& act, const std::string& path, int error) const {
    const std::string message =
        "can't " + act + " " + shown(prefix_ + "/" + path) + ": " + std::strerror(error);
    if (error == ELOOP || error == ENOTDIR || error == EXDEV || error == ENOENT)
        throw Error(ExitCode::damaged, message);
    throw Error(ExitCode::destination, message,
                error == ENOSPC || error == EDQUOT ? "Make room where it is restored to." : "");
}

void MetadataSetter::name(const ArchivedEntry& entry, const std::string& why) {
    if (result_.names.size() < kNamed)
        result_.names.push_back("{\"entry\": \"" + json_text(prefix_ + "/" + entry.path) +
                                "\", \"what\": \"withheld\", \"why\": \"" + json_text(why) + "\"}");
}

void MetadataSetter::withhold_device(const ArchivedEntry& entry, int error) {
    ++result_.withheld.devices;
    name(entry, std::string("the device node can't be made: ") + std::strerror(error));
}

void MetadataSetter::owner_refused(const ArchivedEntry& entry, int error) {
    if (error != EPERM && error != EINVAL && error != EOVERFLOW && error != ENOTSUP)
        fail("set the owner of", entry.path, error);
    ++result_.withheld.owners;
    name(entry, "the owner " + std::to_string(entry.status.st_uid) + ":" +
                    std::to_string(entry.status.st_gid) + " can't be set" +
                    ((entry.status.st_mode & kSetId) != 0 ? ", so neither can set-uid and set-gid" : "") +
                    ": " + std::strerror(error));
}

// A set-uid program must not end up with another owner.
mode_t MetadataSetter::mode_of(const ArchivedEntry& entry, bool owned) const {
    const mode_t mode = entry.status.st_mode & 07777;
    return owned || S_ISDIR(entry.status.st_mode) ? mode : mode & ~kSetId;
}

void MetadataSetter::attribute(const Target& target, const ArchivedEntry& entry, const Attribute& attribute) {
    if (attribute.name == "security.selinux" && !options_.selinux_labels)
        return;
    std::string why = "trusted attributes are not asked for";
    if (!attribute.name.starts_with("trusted.") || options_.trusted_xattrs) {
        if (target.set(attribute) == 0)
            return;
        const int error = errno;
        const bool no_room = error == ENOSPC || error == EDQUOT;
        if (no_room ? target.full() : !refused(error))
            fail("set the attribute " + shown(attribute.name) + " of", entry.path, error);
        why = no_room ? "it is too long for this file system" : std::strerror(error);
    }
    ++result_.withheld.attributes;
    name(entry, "the attribute " + attribute.name + " can't be set: " + why);
}

void MetadataSetter::attributes_of_new_folder(int descriptor, const ArchivedEntry& entry) {
    for (const Attribute& one : entry.attributes)
        if (!acl(one))
            attribute({.descriptor = descriptor}, entry, one);
}

void MetadataSetter::all(int descriptor, const ArchivedEntry& entry) {
    const struct stat& status = entry.status;
    const bool owned = fchown(descriptor, status.st_uid, status.st_gid) == 0;
    if (!owned)
        owner_refused(entry, errno);
    for (const Attribute& one : entry.attributes)
        if (!S_ISDIR(status.st_mode) || acl(one))
            attribute({.descriptor = descriptor}, entry, one);
    const mode_t mode = mode_of(entry, owned);
    if (fchmod(descriptor, mode) != 0)
        fail("set the mode of", entry.path, errno);
    // Without CAP_FSETID the kernel drops set-gid, and says nothing.
    struct stat now {};
    if (owned && (mode & S_ISGID) != 0 && fstat(descriptor, &now) == 0 && (now.st_mode & S_ISGID) == 0)
        owner_refused(entry, EPERM);
    if (futimens(descriptor, times(entry).data()) != 0)
        fail("set the time of", entry.path, errno);
}

void MetadataSetter::all_at(int folder, const char* name, const ArchivedEntry& entry) {
    const struct stat& status = entry.status;
    const bool owned = fchownat(folder, name, status.st_uid, status.st_gid, AT_SYMLINK_NOFOLLOW) == 0;
    if (!owned)
        owner_refused(entry, errno);
    for (const Attribute& one : entry.attributes)
        attribute({.folder = folder, .name = name}, entry, one);
    // Made a moment ago, in a folder that is nobody else's: it is no link.
    if (!S_ISLNK(status.st_mode) && fchmodat(folder, name, mode_of(entry, owned), 0) != 0)
        fail("set the mode of", entry.path, errno);
    if (utimensat(folder, name, times(entry).data(), AT_SYMLINK_NOFOLLOW) != 0)
        fail("set the time of", entry.path, errno);
}

} // namespace miraclemax::archive
