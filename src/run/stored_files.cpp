#include "run/stored_files.hpp"

#include "stream/digest.hpp"
#include "stream/file.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace miraclemax::run {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t buffer_size = std::size_t{4} << 20U;
constexpr std::size_t most_extras = 100; // faults: a folder full of foreign files needs no more

// Of the file itself.
struct Unreadable : Error {
    explicit Unreadable(const std::string& what) : Error(ExitCode::failed, what) {}
};

struct Opened {
    stream::Descriptor file;
    std::uint64_t size = 0;
};

// O_NONBLOCK: a FIFO in the place of a file must not hold the run up.
Opened opened(const fs::path& path) {
    stream::Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    struct stat status {};
    if (!file || ::fstat(file.get(), &status) != 0)
        throw Unreadable(std::string("can't be opened: ") + std::strerror(errno));
    if (!S_ISREG(status.st_mode))
        throw Unreadable("is no regular file");
    return {.file = std::move(file), .size = static_cast<std::uint64_t>(status.st_size)};
}

std::size_t read_some(int file, std::span<std::byte> into) {
    for (;;) {
        const ssize_t count = ::read(file, into.data(), into.size());
        if (count >= 0)
            return static_cast<std::size_t>(count);
        if (errno != EINTR)
            throw Unreadable(std::string("can't be read: ") + std::strerror(errno));
    }
}

class Layout {
public:
    Layout(const fs::path& backup, const catalog::Manifest& manifest, std::vector<Fault>& faults)
        : backup_(backup), named_(named_files(manifest)), faults_(faults) {
        for (const char* own : {"manifest.json", "SHA256SUMS", "RESTORE.txt", "manifest.json.sig"})
            named_.try_emplace(own);
        for (const auto& [path, each] : named_)
            for (auto above = fs::path(path).parent_path(); !above.empty(); above = above.parent_path())
                folders_.insert(above.string());
    }

    std::set<std::string> look() {
        std::error_code trouble;
        fs::recursive_directory_iterator at(backup_, trouble);
        for (const fs::recursive_directory_iterator end; !trouble && at != end; at.increment(trouble))
            if (!take(at->path().lexically_relative(backup_).string(), at->symlink_status(trouble).type()))
                at.disable_recursion_pending();
        if (trouble)
            add(".", "can't be listed: " + trouble.message());
        if (extras_ > most_extras)
            add_stray(".", fmt::format("holds {} more things that the manifest does not name",
                                       extras_ - most_extras));
        for (const auto& [path, each] : named_)
            if (!seen_.contains(path) && path != "manifest.json.sig") // which the signature's judge misses
                add(path, "is missing", each.component);
        return std::move(present_);
    }

private:
    // False: nothing within it matters.
    bool take(const std::string& path, fs::file_type type) {
        const auto named = named_.find(path);
        const bool folder = folders_.contains(path);
        if (type == fs::file_type::directory && folder)
            return true;
        if (named != named_.end()) {
            seen_.insert(path);
            if (type == fs::file_type::regular)
                present_.insert(path);
            else
                add(path, "is no regular file", named->second.component);
        } else if (folder) {
            add(path, "is no folder");
        } else if (++extras_ <= most_extras) {
            add_stray(path, "is not named in the manifest");
        }
        return false;
    }
    void add(const std::string& where, const std::string& what, const std::string& component = {}) {
        faults_.push_back({.where = where, .what = what, .component = component});
    }
    void add_stray(const std::string& where, const std::string& what) {
        faults_.push_back({.where = where, .what = what, .component = {}, .stray = true});
    }

    const fs::path& backup_;
    std::map<std::string, Named> named_;
    std::set<std::string> folders_, seen_, present_;
    std::vector<Fault>& faults_;
    std::size_t extras_ = 0;
};

class ContentCheck {
public:
    ContentCheck(const fs::path& backup, const Scope& scope, std::uint64_t total)
        : backup_(backup), scope_(scope), total_(total), buffer_(buffer_size) {}

    // What is wrong with the file; empty: nothing.
    std::string check(const catalog::StoredFile& file) {
        const auto before = done_;
        auto what = check_file(backup_ / file.path, file, scope_.ask_the_disk ? From::disk : From::memory,
                               buffer_, [this](std::span<const std::byte> bytes) { tell(bytes.size()); });
        if (done_ < before + file.size) // it was given up
            tell(before + file.size - done_);
        return what;
    }

private:
    void tell(std::uint64_t bytes) {
        if (scope_.stop.stop_requested())
            throw Error(ExitCode::interrupted, "the examination was interrupted");
        done_ += bytes;
        if (scope_.progress)
            scope_.progress(std::min(done_, total_), total_);
    }

    const fs::path& backup_;
    const Scope& scope_;
    std::uint64_t total_, done_ = 0;
    std::vector<std::byte> buffer_;
};

} // namespace

std::optional<std::string> read_stored(const fs::path& path, std::size_t longest) {
    struct stat status {};
    if (::lstat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode))
        return std::nullopt;
    const auto found = opened(path);
    if (found.size > longest)
        throw Error(ExitCode::failed, fmt::format("is longer than the {} bytes it may have", longest));
    std::string content(found.size + 1, '\0'); // one more, to see that it does not grow
    std::size_t length = 0;
    while (length < content.size()) {
        const auto rest = std::as_writable_bytes(std::span(content).subspan(length));
        const auto count = read_some(found.file.get(), rest);
        if (count == 0)
            break;
        length += count;
    }
    content.resize(length);
    return content;
}

std::optional<Fault> check_manifest(const store::BackupFolder& folder, const std::string& id,
                                    const std::string& sha256, const std::string& otherwise) {
    const auto fault = [&](const std::string& what) {
        return Fault{.where = "../" + id + "/manifest.json", .what = what, .component = {}, .of_chain = true};
    };
    try {
        const auto json = read_stored(folder.path_of(id) / "manifest.json", catalog::longest_manifest);
        if (json && stream::sha256_of(*json) == sha256)
            return std::nullopt;
        if (json || is_folder(folder.path_of(id)))
            return fault(otherwise);
        return std::nullopt;
    } catch (const Error& error) {
        return fault(error.what());
    }
}

std::map<std::string, Named> named_files(const catalog::Manifest& manifest) {
    std::map<std::string, Named> named;
    for (const auto& component : manifest.components)
        for (const auto* file : {&component.archive.file, &component.inventory, &component.report})
            if (!file->path.empty())
                named[file->path] = {.file = *file, .component = component.name};
    return named;
}

std::set<std::string> check_layout(const fs::path& backup, const catalog::Manifest& manifest,
                                   std::vector<Fault>& faults) {
    return Layout(backup, manifest, faults).look();
}

std::string check_file(const fs::path& path, const catalog::StoredFile& file, From from,
                       std::span<std::byte> buffer,
                       const std::function<void(std::span<const std::byte>)>& take) {
    try {
        const auto found = opened(path);
        if (found.size != file.size)
            return fmt::format("is {} bytes long, and the manifest says {}", found.size, file.size);
        if (from == From::disk)
            ::posix_fadvise(found.file.get(), 0, 0, POSIX_FADV_DONTNEED);
        ::posix_fadvise(found.file.get(), 0, 0, POSIX_FADV_SEQUENTIAL);
        stream::Sha256 sha256;
        std::uint64_t length = 0;
        while (const auto count = read_some(found.file.get(), buffer)) {
            length += count;
            if (length > file.size)
                return "grows while it is read";
            sha256.update(buffer.first(count));
            take(buffer.first(count));
        }
        return sha256.hex() == file.sha256 ? "" : "its sha256 is not the manifest's";
    } catch (const Unreadable& error) {
        return error.what();
    }
}

void check_content(const fs::path& backup, const catalog::Manifest& manifest,
                   const std::set<std::string>& present, const Scope& scope, std::vector<Fault>& faults) {
    std::vector<Named> files;
    std::uint64_t total = 0;
    for (const auto& [path, each] : named_files(manifest)) {
        const auto& only = scope.components;
        if (!present.contains(path) ||
            (!only.empty() && std::find(only.begin(), only.end(), each.component) == only.end()))
            continue;
        files.push_back(each);
        total += each.file.size;
    }
    ContentCheck content(backup, scope, total);
    for (const auto& each : files) {
        if (const auto what = content.check(each.file); !what.empty())
            faults.push_back({.where = each.file.path, .what = what, .component = each.component});
    }
}

} // namespace miraclemax::run
