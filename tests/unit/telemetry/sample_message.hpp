// What the tests of notifications share.
#pragma once

#include "telemetry/notifications.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace miraclemax::telemetry::testing {

inline Time at(std::int64_t seconds) {
    return Time(std::chrono::seconds(seconds));
}

// 2025-10-16 01:00:00 UTC, a Thursday.
inline constexpr std::int64_t thursday = 1'760'576'400;

inline Message failure(const std::string& id = "20251016_030000-failure", std::int64_t time = thursday) {
    return {.occasion = Occasion::failure,
            .id = id,
            .at = at(time),
            .subject = "[miraclemax] backup of nas failed: n8n: can't pause",
            .text = "The backup failed.\n.\n..two dots\n",
            .component = "n8n",
            .alert = "BackupFailed",
            .severity = Severity::critical,
            .instance = "nas",
            .runbook_url = "https://runbook.example/r#backupfailed",
            .firing = {"n8n"},
            .ended = {}};
}

class TempFolder {
public:
    TempFolder() {
        std::string name = (std::filesystem::temp_directory_path() / "telemetry-test-XXXXXX").string();
        path_ = ::mkdtemp(name.data());
    }
    TempFolder(const TempFolder&) = delete;
    TempFolder& operator=(const TempFolder&) = delete;
    ~TempFolder() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    [[nodiscard]] const std::filesystem::path& path() const { return path_; }
    [[nodiscard]] std::filesystem::path operator/(const std::string& name) const { return path_ / name; }

private:
    std::filesystem::path path_;
};

inline std::string content_of(const std::filesystem::path& path) {
    std::ostringstream text;
    text << std::ifstream(path, std::ios::binary).rdbuf();
    return text.str();
}

} // namespace miraclemax::telemetry::testing
