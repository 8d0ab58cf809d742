// What people were told, remembered over restarts.
#pragma once

#include "telemetry/notifications.hpp"

#include <filesystem>

namespace miraclemax::serve {

class SaidFile {
public:
    explicit SaidFile(std::filesystem::path path) : path_(std::move(path)) {}
    [[nodiscard]] telemetry::Said read() const;    // nothing, where it can't be read
    void write(const telemetry::Said& said) const; // throws Error (failed)

private:
    std::filesystem::path path_;
};

} // namespace miraclemax::serve
