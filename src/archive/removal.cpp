#include "archive/removal.hpp"

#include "archive/folder.hpp"

#include <cerrno>
#include <cstdio>
#include <string>
#include <vector>

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace miraclemax::archive {
namespace {

constexpr int kMostOpen = 64;
constexpr int kFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

class Removal {
public:
    Removal(int top, const std::filesystem::path& path) : top_(top), path_(path) {}

    void remove(const char* name) {
        remove(top_, name, 0);
        while (!deep_.empty()) {
            const std::string next = deep_.back();
            deep_.pop_back();
            remove(top_, next.c_str(), 0);
        }
    }

private:
    void remove(int folder, const char* name, int depth) {
        if (unlinkat(folder, name, 0) == 0 || errno == ENOENT)
            return;
        const int refused = errno;
        if (refused != EISDIR && refused != EPERM) // Linux says EISDIR for a folder, POSIX EPERM
            fail(name, refused);
        if (depth == kMostOpen) {
            hoist(folder, name);
            return;
        }
        {
            const stream::Descriptor child = open_within(folder, name);
            if (!child)
                fail(name, errno == ENOTDIR || errno == ELOOP ? refused : errno);
            Names names;
            if (const int error = names.list(child.get()); error != 0)
                fail(name, error);
            for (std::size_t i = 0; i < names.size(); ++i)
                remove(child.get(), names[i], depth + 1);
        }
        if (unlinkat(folder, name, AT_REMOVEDIR) != 0 && errno != ENOENT)
            fail(name, errno);
    }

    void hoist(int folder, const char* name) {
        for (;;) {
            const std::string target = ".deep-" + std::to_string(hoisted_++);
            struct stat unused {};
            if (fstatat(top_, target.c_str(), &unused, AT_SYMLINK_NOFOLLOW) == 0)
                continue;
            if (renameat(folder, name, top_, target.c_str()) != 0)
                fail(name, errno);
            deep_.push_back(target);
            return;
        }
    }

    [[noreturn]] void fail(const std::string& name, int error) const {
        if (error == EXDEV || error == EBUSY)
            throw Error(ExitCode::destination,
                        "can't remove " + name + " in " + path_.string() + ": a file system is mounted there",
                        "unmount it");
        throw stream::write_error("remove " + name + " in", path_, error);
    }

    int top_;
    const std::filesystem::path& path_;
    std::vector<std::string> deep_;
    unsigned long hoisted_ = 0;
};

} // namespace

stream::Descriptor open_within(int folder, const char* name) {
    open_how how{};
    how.flags = kFlags;
    how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV;
    const long opened = syscall(SYS_openat2, folder, name, &how, sizeof how);
    if (opened >= 0 || (errno != ENOSYS && errno != EPERM))
        return stream::Descriptor(static_cast<int>(opened));
    // An old kernel, or a filter that doesn't know the call: for a name without a slash this is as good, but
    // for a bind mount of the same file system.
    stream::Descriptor child(openat(folder, name, kFlags));
    struct stat outer {
    }, inner{};
    if (child &&
        (fstat(folder, &outer) != 0 || fstat(child.get(), &inner) != 0 || outer.st_dev != inner.st_dev)) {
        child.reset();
        errno = EXDEV;
    }
    return child;
}

void remove_within(int folder, const char* name, const std::filesystem::path& path) {
    Removal(folder, path).remove(name);
}

} // namespace miraclemax::archive
