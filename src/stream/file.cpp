#include "stream/file.hpp"

#include "stream/fault_point.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace miraclemax::stream {

namespace fs = std::filesystem;

namespace {

std::string reason(int error_number) {
    return std::generic_category().message(error_number);
}

Error read_error(std::string_view action, const fs::path& path, int error_number) {
    return {ExitCode::failed,
            "can't " + std::string(action) + " " + path.string() + ": " + reason(error_number),
            error_number == EACCES || error_number == EPERM ? "give this user the right to read it" : ""};
}

Descriptor open_to_read(const fs::path& path) {
    const int fd = ::openat(AT_FDCWD, path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) {
        throw read_error("open", path, errno);
    }
    return Descriptor(fd);
}

Bytes bytes_of(std::string_view text) {
    return std::as_bytes(std::span(text.data(), text.size()));
}

// Unlinks a file that was begun but not kept.
class Unfinished {
public:
    explicit Unfinished(const fs::path& path) : path_(path) {}
    Unfinished(const Unfinished&) = delete;
    Unfinished& operator=(const Unfinished&) = delete;
    ~Unfinished() {
        if (!kept_) {
            ::unlink(path_.c_str());
        }
    }
    void keep() noexcept { kept_ = true; }

private:
    const fs::path& path_;
    bool kept_ = false;
};

} // namespace

Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
    if (this != &other) {
        reset();
        fd_ = other.release();
    }
    return *this;
}

int Descriptor::release() noexcept {
    const int fd = fd_;
    fd_ = -1;
    return fd;
}

void Descriptor::reset() noexcept {
    if (fd_ >= 0) {
        ::close(release());
    }
}

Error write_error(std::string_view action, const fs::path& path, int error_number) {
    const std::string message =
        "can't " + std::string(action) + " " + path.string() + ": " + reason(error_number);
    switch (error_number) {
    case ENOSPC:
        return {ExitCode::destination, message,
                "free space or inodes on that file system (df -h, df -i), or delete old backups"};
    case EDQUOT:
        return {ExitCode::destination, message, "raise the quota, or delete old backups"};
    case EROFS:
        return {ExitCode::destination, message,
                "mount that file system writable; if it turned read-only by itself, the kernel log says why"};
    case EIO:
    case ESTALE:
        return {ExitCode::destination, message,
                "the disk or network share behind it reports errors: look into the kernel log (dmesg)"};
    case ENOENT:
    case ENOTDIR:
        return {ExitCode::destination, message, "create the folder, or mount what should be there"};
    case EACCES:
    case EPERM:
        return {ExitCode::destination, message, "give this user the right to write there"};
    case EFBIG:
        return {ExitCode::destination, message,
                "the file system or a limit (ulimit -f) forbids a file so large"};
    default:
        return {ExitCode::failed, message};
    }
}

void sync_and_close(Descriptor& file, const fs::path& path) {
    MIRACLEMAX_FAULT_POINT("file.fsync");
    if (::fsync(file.get()) != 0) {
        throw write_error("write to disk", path, errno);
    }
    // NFS may report a failed write only here.
    if (::close(file.release()) != 0 && errno != EINTR) {
        throw write_error("close", path, errno);
    }
}

void write_all(int fd, Bytes bytes, const fs::path& path) {
    while (!bytes.empty()) {
        const ssize_t written = ::write(fd, bytes.data(), bytes.size());
        if (written < 0) {
            if (errno == EINTR) {
                continue;
            }
            throw write_error("write", path, errno);
        }
        bytes = bytes.subspan(static_cast<std::size_t>(written));
    }
}

FileSource::FileSource(const fs::path& path) : path_(path), file_(open_to_read(path)) {
    ::posix_fadvise(file_.get(), 0, 0, POSIX_FADV_SEQUENTIAL);
}

FileSource::FileSource(Descriptor file, fs::path name) : path_(std::move(name)), file_(std::move(file)) {}

std::size_t FileSource::read(std::span<std::byte> into) {
    for (;;) {
        const ssize_t count = ::read(file_.get(), into.data(), into.size());
        if (count >= 0) {
            return static_cast<std::size_t>(count);
        }
        if (errno != EINTR) {
            throw read_error("read", path_, errno);
        }
    }
}

void copy(Source& from, Sink& to) {
    std::string buffer(std::size_t{256} * 1024, '\0');
    const auto space = std::as_writable_bytes(std::span(buffer.data(), buffer.size()));
    while (const std::size_t count = from.read(space)) {
        to.write(space.first(count));
    }
}

std::string read_file(const fs::path& path, std::size_t max_bytes) {
    FileSource source(path);
    std::string content;
    std::array<std::byte, 16384> buffer;
    while (const std::size_t count = source.read(buffer)) {
        if (count > max_bytes - content.size()) {
            throw Error(ExitCode::failed, path.string() + " is longer than the " + std::to_string(max_bytes) +
                                              " bytes it may have");
        }
        content.append(reinterpret_cast<const char*>(buffer.data()), count);
    }
    return content;
}

void write_file(const fs::path& path, std::string_view content, mode_t mode) {
    MIRACLEMAX_FAULT_POINT("file.create");
    Descriptor file(
        ::openat(AT_FDCWD, path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!file) {
        throw write_error("create", path, errno);
    }
    Unfinished unfinished(path);
    if (mode != 0600 && ::fchmod(file.get(), mode) != 0) {
        throw write_error("set the mode of", path, errno);
    }
    write_all(file.get(), bytes_of(content), path);
    sync_and_close(file, path);
    unfinished.keep();
}

void replace_file(const fs::path& path, std::string_view content, mode_t mode) {
    MIRACLEMAX_FAULT_POINT("file.create");
    const fs::path folder = path.has_parent_path() ? path.parent_path() : fs::path(".");
    std::string name = (folder / ("." + path.filename().string() + ".XXXXXX")).string();
    Descriptor file(::mkostemp(name.data(), O_CLOEXEC));
    if (!file) {
        throw write_error("create a file beside", path, errno);
    }
    const fs::path beside = name;
    Unfinished unfinished(beside);
    if (mode != 0600 && ::fchmod(file.get(), mode) != 0) {
        throw write_error("set the mode of", path, errno);
    }
    write_all(file.get(), bytes_of(content), path); // the same words at each try
    sync_and_close(file, path);
    MIRACLEMAX_FAULT_POINT("file.rename");
    if (::rename(beside.c_str(), path.c_str()) != 0) {
        throw write_error("replace", path, errno);
    }
    unfinished.keep();
    sync_folder(folder);
}

bool is_there(const fs::path& path) {
    struct stat status {};
    return ::lstat(path.c_str(), &status) == 0;
}

bool is_folder(const fs::path& path) {
    struct stat status {};
    return ::lstat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

void demand_folder(const fs::path& path) {
    const Descriptor opened(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (opened) {
        return;
    }
    if (errno == ENOTDIR || errno == ELOOP) {
        throw Error(ExitCode::destination, path.string() + " is not a folder, or a link to one",
                    "see who made it, and move it away");
    }
    throw write_error("open the folder", path, errno);
}

void sync_folder(const fs::path& folder) {
    MIRACLEMAX_FAULT_POINT("folder.fsync");
    const Descriptor opened(::openat(AT_FDCWD, folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!opened) {
        throw write_error("open the folder", folder, errno);
    }
    // Some network and FUSE file systems know no fsync of a folder; there is nothing better to do there.
    if (::fsync(opened.get()) != 0 && errno != EINVAL && errno != ENOTSUP) {
        throw write_error("write to disk the folder", folder, errno);
    }
}

} // namespace miraclemax::stream
