// Files at the end and at the start of a stream, and small files written so that they survive a power cut.
// Every descriptor is close-on-exec, every new file 0600 unless a mode is given. Errors name the path;
// what the destination can't take (ENOSPC, EDQUOT, EROFS, EIO, ... see open(2), write(2), fsync(2)) is
// an Error with ExitCode::destination and a remedy.
#pragma once

#include "error.hpp"
#include "stream/stream.hpp"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

#include <sys/types.h>

namespace miraclemax::stream {

// Owns a file descriptor; -1 is none. Any thread, one at a time.
class Descriptor {
public:
    Descriptor() noexcept = default;
    explicit Descriptor(int fd) noexcept : fd_(fd) {}
    Descriptor(Descriptor&& other) noexcept : fd_(other.release()) {}
    Descriptor& operator=(Descriptor&& other) noexcept;
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    ~Descriptor() { reset(); }

    [[nodiscard]] int get() const noexcept { return fd_; }
    [[nodiscard]] explicit operator bool() const noexcept { return fd_ >= 0; }
    [[nodiscard]] int release() noexcept;
    void reset() noexcept; // closes; errors are lost, so sinks close by themselves

private:
    int fd_ = -1;
};

// The Error for a failed system call on a file that is being written: "can't <action> <path>: <reason>".
[[nodiscard]] Error write_error(std::string_view action, const std::filesystem::path& path, int error_number);

// Writes everything or throws; `path` is only for the message.
void write_all(int fd, Bytes bytes, const std::filesystem::path& path);
// Throws when its content may not be on disk.
void sync_and_close(Descriptor& file, const std::filesystem::path& path);

// A new file (it must not exist). finish() fsyncs and closes it, but does not sync the folder that
// holds its name: who publishes many files does that once (sync_folder). Not finished: unlinked.
class FileSink : public Sink {
public:
    // When what is written is on its way to the disk: as the system sees fit, or as soon as there is enough
    // of it.
    enum class Begin { late, at_once };

    // `progress` is called while finish() waits for the disk, which can take many minutes.
    explicit FileSink(std::filesystem::path path, std::function<void()> progress = {},
                      Begin begin = Begin::late);
    ~FileSink() override;
    void write(Bytes bytes) override;
    void finish() override;

private:
    void begin_settling();
    void settle();
    bool settle_part(std::uint64_t from, std::uint64_t size, unsigned how);

    std::filesystem::path path_;
    Descriptor file_;
    std::function<void()> progress_;
    Begin begin_;
    std::uint64_t size_ = 0;
    std::uint64_t begun_ = 0; // so much is on its way
    bool finished_ = false;
};

// An existing file from its beginning, or a descriptor from where it stands (`name` is for messages).
class FileSource : public Source {
public:
    explicit FileSource(const std::filesystem::path& path);
    FileSource(Descriptor file, std::filesystem::path name);
    std::size_t read(std::span<std::byte> into) override;

private:
    std::filesystem::path path_;
    Descriptor file_;
};

// Reads the source to its end and writes it to the sink, without finishing the sink.
void copy(Source& from, Sink& to);

// The whole file; throws Error (failed) when it can't be read or is longer than max_bytes.
[[nodiscard]] std::string read_file(const std::filesystem::path& path, std::size_t max_bytes);
// A new file, fsynced. Throws when it exists. Its folder is not synced.
void write_file(const std::filesystem::path& path, std::string_view content, mode_t mode = 0600);
// Replaces or creates the file: after a crash there is the old content or the new one, whole.
// A temporary ".<name>.XXXXXX" beside it is fsynced, renamed, and the folder fsynced.
void replace_file(const std::filesystem::path& path, std::string_view content, mode_t mode = 0600);
// A name is taken: by a file, a folder, or a link wherever it leads. False also where that can't be looked
// at.
[[nodiscard]] bool is_there(const std::filesystem::path& path);
// A folder itself: a link to one is none, and nor is what can't be looked at.
[[nodiscard]] bool is_folder(const std::filesystem::path& path);
// Throws Error (destination) when it is none: nobody who writes into it is to be led elsewhere.
void demand_folder(const std::filesystem::path& path);
// Makes the names within the folder durable.
void sync_folder(const std::filesystem::path& folder);

} // namespace miraclemax::stream
