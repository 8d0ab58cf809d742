// Where a helper container's worker connects to.
#pragma once

#include "stream/file.hpp"

#include <chrono>
#include <filesystem>
#include <optional>

namespace miraclemax::worker {

// Makes the folder (0700) and listens in it (0600); both are gone with the object. It takes one connection
// and then no other. One thread. Throws Error (failed) when the path doesn't fit into sun_path (unix(7): 107
// bytes).
class ControlSocket {
public:
    static constexpr const char* leaf = "s";

    explicit ControlSocket(std::filesystem::path folder);
    ControlSocket(ControlSocket&&) noexcept = default;
    ControlSocket& operator=(ControlSocket&&) = delete;
    ~ControlSocket();

    [[nodiscard]] std::optional<stream::Descriptor> accept(std::chrono::milliseconds within);

private:
    void remove() noexcept;

    std::filesystem::path folder_; // empty: removed, or moved from
    stream::Descriptor listening_;
};

} // namespace miraclemax::worker
