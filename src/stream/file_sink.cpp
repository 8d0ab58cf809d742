#include "stream/fault_point.hpp"
#include "stream/file.hpp"

#include <cerrno>

#include <fcntl.h>
#include <unistd.h>

namespace miraclemax::stream {

namespace {

constexpr std::uint64_t settled_part = std::uint64_t{16} << 20U;

} // namespace

FileSink::FileSink(std::filesystem::path path, std::function<void()> progress, Begin begin)
    : path_(std::move(path)), progress_(std::move(progress)), begin_(begin) {
    MIRACLEMAX_FAULT_POINT("file.create");
    file_ = Descriptor(
        ::openat(AT_FDCWD, path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!file_) {
        throw write_error("create", path_, errno);
    }
}

FileSink::~FileSink() {
    if (!finished_) {
        file_.reset();
        ::unlink(path_.c_str());
    }
}

void FileSink::write(Bytes bytes) {
    write_all(file_.get(), bytes, path_);
    size_ += bytes.size();
    if (begin_ == Begin::at_once && size_ - begun_ >= settled_part) {
        begin_settling();
    }
}

void FileSink::begin_settling() {
    settle_part(begun_, size_ - begun_, SYNC_FILE_RANGE_WRITE);
    begun_ = size_;
}

// One fsync says nothing for as long as the whole page cache takes to get to a slow disk: most of that is
// waited for in parts.
void FileSink::settle() {
    constexpr unsigned all = SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER;
    for (std::uint64_t at = 0; at < size_; at += settled_part) {
        if (!settle_part(at, settled_part, all)) {
            return;
        }
        progress_();
    }
}

// False: not everywhere; fsync does all of it. What a part reports, fsync would not report again.
bool FileSink::settle_part(std::uint64_t from, std::uint64_t size, unsigned how) {
    if (::sync_file_range(file_.get(), static_cast<off_t>(from), static_cast<off_t>(size), how) == 0) {
        return true;
    }
    if (errno == EIO || errno == ENOSPC || errno == EDQUOT || errno == ESTALE) {
        throw write_error("write to disk", path_, errno);
    }
    return false;
}

void FileSink::finish() {
    if (progress_) {
        settle();
    }
    sync_and_close(file_, path_);
    finished_ = true;
}

} // namespace miraclemax::stream
