// The files of one stored backup: which there are, and whether each is the one that the manifest names.
#pragma once

#include "run/examination.hpp"
#include "stream/file.hpp"

#include <map>
#include <set>
#include <span>

namespace miraclemax::run {

inline constexpr std::size_t longest_signature = std::size_t{64} << 10U; // bytes
inline constexpr std::size_t longest_text = std::size_t{64} << 20U;      // of RESTORE.txt, SHA256SUMS

using stream::is_folder;
using stream::is_there;

// A regular file's content, no link followed, no device waited for. nullopt: it is not there, or no file.
// Throws Error (failed) when it can't be read, or is longer.
std::optional<std::string> read_stored(const std::filesystem::path& path, std::size_t longest);

// Whether the backup's manifest.json is the one with that sha256: `otherwise` is the fault's sentence where
// it is not. No fault of one that is removed right now.
std::optional<Fault> check_manifest(const store::BackupFolder& folder, const std::string& id,
                                    const std::string& sha256, const std::string& otherwise);

// Of each file that the manifest names, whose it is.
struct Named {
    catalog::StoredFile file;
    std::string component;
};
std::map<std::string, Named> named_files(const catalog::Manifest& manifest); // by path

// Adds what is missing, and what is there and should not be. Returns the paths of the regular files that are
// there and named, the backup's own (manifest.json …) included.
std::set<std::string> check_layout(const std::filesystem::path& backup, const catalog::Manifest& manifest,
                                   std::vector<Fault>& faults);
// SHA256SUMS and RESTORE.txt, as far as `present` has them.
void check_sums(const std::filesystem::path& backup, const catalog::Manifest& manifest,
                const std::string& manifest_sha256, const std::set<std::string>& present,
                std::vector<Fault>& faults);
enum class From { disk, memory }; // as far as the system lets us choose; memory: where it has the file

// Reads the file and hands its bytes to `take` as they come. Returns what is wrong with it
// when it is not what `file` says, or can't be read; empty: nothing. Throws what `take` throws, and that
// alone.
std::string check_file(const std::filesystem::path& path, const catalog::StoredFile& file, From from,
                       std::span<std::byte> buffer,
                       const std::function<void(std::span<const std::byte>)>& take);

// Size and sha256 of every named file in `present` that is in the scope.
void check_content(const std::filesystem::path& backup, const catalog::Manifest& manifest,
                   const std::set<std::string>& present, const Scope& scope, std::vector<Fault>& faults);

} // namespace miraclemax::run
