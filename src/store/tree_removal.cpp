#include "store/tree.hpp"

#include "stream/file.hpp"

#include <cerrno>
#include <memory>

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace miraclemax::store {

namespace fs = std::filesystem;
using stream::Descriptor;
using stream::write_error;

namespace {

constexpr int max_depth = 32;

// Below max_depth a folder is moved up to the top, so that neither descriptors nor the stack run out.
class Removal {
public:
    Removal(int top, const fs::path& path) : top_(top), path_(path) {}

    void empty_top() {
        for (std::vector<std::string> names = names_in(top_, path_); !names.empty();
             names = names_in(top_, path_)) {
            for (const std::string& name : names) {
                remove_entry(top_, name, 1);
            }
        }
    }

private:
    void remove_entry(int folder, const std::string& name, int depth) {
        if (::unlinkat(folder, name.c_str(), 0) == 0 || errno == ENOENT) {
            return;
        }
        // Linux says EISDIR for a folder, POSIX EPERM.
        if (errno != EISDIR && errno != EPERM) {
            throw write_error("remove " + name + " in", path_, errno);
        }
        const int unlink_error = errno;
        if (depth > max_depth) {
            hoist(folder, name);
            return;
        }
        const Descriptor child(
            ::openat(folder, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
        if (!child) {
            throw write_error("remove " + name + " in", path_, errno == ENOTDIR ? unlink_error : errno);
        }
        for (const std::string& below : names_in(child.get(), path_)) {
            remove_entry(child.get(), below, depth + 1);
        }
        if (::unlinkat(folder, name.c_str(), AT_REMOVEDIR) != 0 && errno != ENOENT) {
            throw write_error("remove " + name + " in", path_, errno);
        }
    }

    void hoist(int folder, const std::string& name) {
        std::string target;
        struct stat unused {};
        do {
            target = ".deep-" + std::to_string(hoisted_++);
        } while (::fstatat(top_, target.c_str(), &unused, AT_SYMLINK_NOFOLLOW) == 0);
        if (::renameat(folder, name.c_str(), top_, target.c_str()) != 0) {
            throw write_error("remove " + name + " in", path_, errno);
        }
    }

    int top_;
    const fs::path& path_;
    unsigned long hoisted_ = 0;
};

} // namespace

std::vector<std::string> names_in(int folder, const fs::path& path) {
    // A description of its own: a folder is read more than once.
    Descriptor own(::openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!own) {
        throw write_error("list", path, errno);
    }
    const auto close = [](DIR* open) { ::closedir(open); };
    const std::unique_ptr<DIR, decltype(close)> listing(::fdopendir(own.get()), close);
    if (!listing) {
        throw write_error("list", path, errno);
    }
    static_cast<void>(own.release());
    std::vector<std::string> names;
    errno = 0;
    while (const dirent* entry = ::readdir(listing.get())) {
        std::string name = entry->d_name;
        if (name != "." && name != "..") {
            names.push_back(std::move(name));
        }
    }
    if (errno != 0) {
        throw write_error("list", path, errno);
    }
    return names;
}

void remove_tree(const fs::path& parent, const std::string& name) {
    const fs::path path = parent / name;
    if (::unlink(path.c_str()) == 0 || errno == ENOENT) {
        return;
    }
    {
        const Descriptor top(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
        if (!top) {
            throw write_error("remove", path, errno);
        }
        Removal(top.get(), path).empty_top();
    }
    if (::rmdir(path.c_str()) != 0 && errno != ENOENT) {
        throw write_error("remove", path, errno);
    }
}

} // namespace miraclemax::store
