// The published backups of a folder.
#pragma once

#include "catalog/manifest.hpp"
#include "store/backup_folder.hpp"

namespace miraclemax::catalog {

inline constexpr std::size_t longest_manifest = std::size_t{64} << 20U; // bytes of manifest.json

struct Record {
    std::string id;
    std::optional<Manifest> manifest; // nullopt: unreadable
    std::string trouble;              // why it is unreadable
    std::uint64_t stored = 0;         // bytes of its files, from the manifest
    bool latest = false;
};

class Catalog {
public:
    explicit Catalog(const store::BackupFolder& folder); // borrowed
    [[nodiscard]] std::vector<Record> records() const;   // oldest first, by the manifest's UTC time
    // Throws Error (not_found) listing near ids. "latest" is resolved by the link.
    [[nodiscard]] Record find(const std::string& id) const;
    // The newest backup that holds the component whole.
    [[nodiscard]] std::optional<std::string> last_good(const std::string& component) const;
    [[nodiscard]] std::optional<ComponentRecord> last_of(const std::string& component) const;

private:
    const store::BackupFolder& folder_;
};

} // namespace miraclemax::catalog
