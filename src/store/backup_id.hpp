// The names of backups, taken apart: local time, and a number for what would collide.
#pragma once

#include <chrono>
#include <compare>
#include <optional>
#include <string>
#include <vector>

namespace miraclemax::store {

struct BackupId {
    std::string stamp;   // "20251016_030000", local time
    unsigned number = 1; // 1 is not written, 2 is "_2"
    auto operator<=>(const BackupId&) const = default;
};

// nullopt when it is no backup's id: wrong shape, an impossible date, "_1", "_02".
[[nodiscard]] std::optional<BackupId> parse_backup_id(const std::string& name);
[[nodiscard]] std::string to_string(const BackupId& id);
// Local time by TZ.
[[nodiscard]] std::string stamp_of(std::chrono::system_clock::time_point time);
// The id for a backup that begins at `stamp`, beside those taken (in any order), also by what is gone: an id
// names one backup for ever.
[[nodiscard]] BackupId free_id(const std::string& stamp, const std::vector<BackupId>& taken);

} // namespace miraclemax::store
