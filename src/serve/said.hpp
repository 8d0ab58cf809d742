// What people were told, remembered over restarts.
#pragma once

#include "telemetry/notifications.hpp"

#include <filesystem>
#include <optional>

namespace miraclemax::serve {

class SaidFile {
public:
    explicit SaidFile(std::filesystem::path path) : path_(std::move(path)) {}
    // nullopt: there is none yet. What it says makes no sense: `damage` tells why, and it is nullopt too.
    // Throws Error (failed) when it is there, but can't be read.
    [[nodiscard]] std::optional<telemetry::Said> read(std::string& damage) const;
    void write(const telemetry::Said& said) const; // throws Error (failed)

private:
    std::filesystem::path path_;
};

} // namespace miraclemax::serve
