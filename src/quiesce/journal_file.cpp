#include "quiesce/journal_file.hpp"

#include "error.hpp"
#include "stream/fault_point.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <system_error>
#include <thread>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace miraclemax::quiesce {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t reserve_step = 64 * 1024;
constexpr std::size_t longest = 64 * 1024 * 1024;

Error failure(const std::string& act, const fs::path& path, int error) {
    return {ExitCode::failed,
            fmt::format("can't {} the journal {}: {}", act, path.string(), std::strerror(error)),
            "the state folder must be writable, with some free space, on a local file system"};
}

bool same_file(int fd, const fs::path& path) {
    struct stat held {};
    struct stat named {};
    return ::fstat(fd, &held) == 0 && ::lstat(path.c_str(), &named) == 0 && held.st_dev == named.st_dev &&
           held.st_ino == named.st_ino;
}

// A prober (alive()) may hold it for an instant.
bool lock_now(int fd, const fs::path& path) {
    for (int attempt = 0; attempt < 5; ++attempt) {
        if (::flock(fd, LOCK_EX | LOCK_NB) == 0)
            return true;
        if (errno != EWOULDBLOCK && errno != EINTR)
            throw failure("lock", path, errno);
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return false;
}

void make_folder(const fs::path& folder) {
    std::error_code error;
    if (fs::is_directory(folder, error))
        return;
    if (folder.has_parent_path())
        fs::create_directories(folder.parent_path(), error);
    if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST)
        throw failure("make the folder of", folder, errno);
}

void sync_folder_of(const fs::path& path) {
    const auto folder = path.parent_path();
    const stream::Descriptor opened(
        ::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!opened || ::fsync(opened.get()) != 0)
        throw failure("sync the folder of", path, errno);
}

void write_at(int fd, std::string_view bytes, std::size_t at, const fs::path& path) {
    while (!bytes.empty()) {
        const auto written = ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(at));
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            throw failure("write", path, written == 0 ? EIO : errno);
        bytes.remove_prefix(static_cast<std::size_t>(written));
        at += static_cast<std::size_t>(written);
    }
}

} // namespace

fs::path journal_path(const fs::path& folder, const std::string& run) {
    if (run.empty() || run.front() == '.' || run.find_first_of(std::string("/\0", 2)) != std::string::npos)
        throw Error(ExitCode::failed, fmt::format("\"{}\" can't be the name of a run", run));
    return folder / (run + ".journal");
}

JournalFile::JournalFile(stream::Descriptor file, fs::path path)
    : file_(std::move(file)), path_(std::move(path)) {}

JournalFile JournalFile::create(const fs::path& path, std::string_view first) {
    make_folder(path.parent_path());
    MIRACLEMAX_FAULT_POINT("journal.create");
    for (int attempt = 0;; ++attempt) {
        stream::Descriptor fd(::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
        if (!fd) {
            // Between open and flock a recoverer may have taken the new file for a dead one; it removes it.
            if (errno != EEXIST || attempt == 0 || attempt > 50)
                throw failure("create", path, errno);
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
            continue;
        }
        if (!lock_now(fd.get(), path) || !same_file(fd.get(), path))
            continue;
        JournalFile file(std::move(fd), path);
        try {
            file.reserve(reserve_step);
            file.append(first);
            if (::fsync(file.file_.get()) != 0)
                throw failure("sync", path, errno);
            sync_folder_of(path);
            MIRACLEMAX_FAULT_POINT("journal.create");
        } catch (...) {
            ::unlink(path.c_str());
            throw;
        }
        return file;
    }
}

std::optional<JournalFile> JournalFile::lock(const fs::path& path) {
    stream::Descriptor fd(::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    if (!fd && (errno == EROFS || errno == EACCES)) // what it names can still be put back
        fd = stream::Descriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    if (!fd && errno == ENOENT)
        return std::nullopt;
    if (!fd)
        throw failure("open", path, errno);
    if (!lock_now(fd.get(), path) || !same_file(fd.get(), path))
        return std::nullopt;
    struct stat facts {};
    if (::fstat(fd.get(), &facts) != 0 || !S_ISREG(facts.st_mode))
        throw failure("open", path, EINVAL);
    JournalFile file(std::move(fd), path);
    file.reserved_ = static_cast<std::size_t>(facts.st_size);
    return file;
}

std::string JournalFile::read() const {
    std::string content;
    std::string block(reserve_step, '\0');
    while (content.size() < longest) {
        const auto got = ::pread(file_.get(), block.data(), block.size(), static_cast<off_t>(content.size()));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            throw failure("read", path_, errno);
        if (got == 0)
            break;
        content.append(block, 0, static_cast<std::size_t>(got));
    }
    return content;
}

bool JournalFile::cut() const {
    return reserved_ % reserve_step != 0;
}

void JournalFile::reserve(std::size_t size) {
    if (size <= reserved_)
        return;
    const auto wanted = (size + reserve_step - 1) / reserve_step * reserve_step;
    if (const int error = ::posix_fallocate(file_.get(), 0, static_cast<off_t>(wanted)); error != 0)
        throw failure("reserve space for", path_, error);
    if (::fsync(file_.get()) != 0)
        throw failure("sync", path_, errno);
    reserved_ = wanted;
}

void JournalFile::append(std::string_view record) {
    if (broken_)
        throw failure("write", path_, EIO);
    reserve(end_ + record.size());
    try {
        write_at(file_.get(), record, end_, path_);
    } catch (...) {
        // A piece of a record must not stand between good ones.
        broken_ = true;
        write_at(file_.get(), std::string(record.size(), '\0'), end_, path_);
        if (::fdatasync(file_.get()) == 0)
            broken_ = false;
        throw;
    }
    if (::fdatasync(file_.get()) != 0) {
        broken_ = true; // what is on disk is unknown from here on, and asking again would lie
        throw failure("sync", path_, errno);
    }
    end_ += record.size();
}

void JournalFile::remove() {
    if (::unlink(path_.c_str()) != 0 && errno != ENOENT)
        throw failure("remove", path_, errno);
    sync_folder_of(path_);
}

void JournalFile::rename(const fs::path& to) {
    if (::rename(path_.c_str(), to.c_str()) != 0)
        throw failure("rename", path_, errno);
    sync_folder_of(path_);
}

} // namespace miraclemax::quiesce
