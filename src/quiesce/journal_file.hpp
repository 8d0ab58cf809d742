// One locked, preallocated file of records.
#pragma once

#include "stream/file.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace miraclemax::quiesce {

// Owns the descriptor, and with it the flock. One thread at a time.
class JournalFile {
public:
    // Creates it with `first` as its first record, locked and durable. Throws Error (failed).
    static JournalFile create(const std::filesystem::path& path, std::string_view first);
    // nullopt: locked by somebody, or gone. Throws Error (failed) when it can't be opened.
    static std::optional<JournalFile> lock(const std::filesystem::path& path);

    [[nodiscard]] const std::filesystem::path& path() const { return path_; }
    [[nodiscard]] std::string read() const;
    // After lock(): it isn't as long as it was reserved, so records may be gone that no crash takes.
    [[nodiscard]] bool cut() const;
    void append_at(std::size_t end) { end_ = end; }
    // Durable on return. After a failure that can't be wiped out every later one fails too.
    void append(std::string_view record);
    // Both durable.
    void remove();
    void rename(const std::filesystem::path& to);

private:
    JournalFile(stream::Descriptor file, std::filesystem::path path);
    void reserve(std::size_t size);

    stream::Descriptor file_;
    std::filesystem::path path_;
    std::size_t end_ = 0;
    std::size_t reserved_ = 0;
    bool broken_ = false;
};

std::filesystem::path journal_path(const std::filesystem::path& folder, const std::string& run);

} // namespace miraclemax::quiesce
