#include "archive/staging_metadata.hpp"

#include "archive/attributes.hpp"
#include "stream/file.hpp"

#include <algorithm>
#include <array>
#include <cerrno>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

namespace miraclemax::archive {
namespace {

using stream::write_error;

bool mine(const std::string& name) {
    return name != "security.selinux";
}

// What needs rights that a worker hasn't could not have been changed by it either.
bool forgiven(const std::string& name, int error) {
    return (error == EPERM || error == EACCES || error == ENOTSUP) &&
           (name.starts_with("security.") || name.starts_with("trusted."));
}

const Attribute* find(const std::vector<Attribute>& all, const std::string& name) {
    const auto found =
        std::find_if(all.begin(), all.end(), [&](const auto& one) { return one.name == name; });
    return found == all.end() ? nullptr : &*found;
}

struct stat look(int folder, const std::filesystem::path& path) {
    struct stat status {};
    if (fstat(folder, &status) != 0)
        throw write_error("look at", path, errno);
    return status;
}

void copy_attributes(int from, int to, const std::filesystem::path& path) {
    AttributeReader reader(true);
    std::vector<Attribute> want, have;
    reader.read(from, want);
    reader.read(to, have);
    for (const Attribute& one : have)
        if (mine(one.name) && find(want, one.name) == nullptr && fremovexattr(to, one.name.c_str()) != 0 &&
            errno != ENODATA && !forgiven(one.name, errno))
            throw write_error("remove an attribute (" + one.name + ") of", path, errno);
    for (const Attribute& one : want) {
        const Attribute* present = find(have, one.name);
        if (!mine(one.name) || (present != nullptr && present->value == one.value))
            continue;
        if (fsetxattr(to, one.name.c_str(), one.value.data(), one.value.size(), 0) != 0 &&
            !forgiven(one.name, errno))
            throw write_error("set an attribute (" + one.name + ") of", path, errno);
    }
}

} // namespace

void copy_times(int from, int to, const std::filesystem::path& path) {
    const struct stat want = look(from, path);
    const std::array<timespec, 2> times{want.st_atim, want.st_mtim};
    if (futimens(to, times.data()) != 0)
        throw write_error("set the times of", path, errno);
}

void copy_metadata(int from, int to, const std::filesystem::path& path) {
    const struct stat want = look(from, path);
    const struct stat have = look(to, path);
    if ((want.st_uid != have.st_uid || want.st_gid != have.st_gid) &&
        fchown(to, want.st_uid, want.st_gid) != 0)
        throw write_error("set the owner of", path, errno);
    copy_attributes(from, to, path);
    // Last: a new owner and an ACL change the mode.
    constexpr mode_t bits = 07777;
    if ((look(to, path).st_mode & bits) != (want.st_mode & bits) && fchmod(to, want.st_mode & bits) != 0)
        throw write_error("set the mode of", path, errno);
    const std::array<timespec, 2> times{want.st_atim, want.st_mtim};
    if (futimens(to, times.data()) != 0)
        throw write_error("set the times of", path, errno);
}

} // namespace miraclemax::archive
