// The status, made when somebody asks, and not more often than it changes.
#pragma once

#include "run/status.hpp"
#include "serve/clock.hpp"
#include "serve/daemon.hpp"
#include "serve/http.hpp"

#include <filesystem>
#include <mutex>

namespace miraclemax::serve {

// Thread-safe.
class StatusDesk {
public:
    explicit StatusDesk(Connect connect, Clock clock = real_time)
        : connect_(std::move(connect)), clock_(std::move(clock)) {}

    struct View {
        run::Settings settings;
        run::Standing standing; // but for the socket, which is looked at here
    };
    // Not older than a few seconds, nor than the last record of a run; keys are looked at every ten minutes.
    [[nodiscard]] telemetry::Status status(const View& view);
    [[nodiscard]] std::string trouble(const View& view); // run::unhealthy
    // GET /, /metrics, /api/status, /healthz.
    [[nodiscard]] Page page(const std::string& path, const View& view);

private:
    void refresh(const View& view);

    Connect connect_;
    Clock clock_;
    std::mutex mutex_;
    std::optional<telemetry::Status> status_;
    run::Standing standing_;
    std::string host_; // as podman said it last
    std::chrono::steady_clock::time_point made_{};
    std::filesystem::file_time_type runs_written_{};
    std::vector<telemetry::KeyStatus> keys_;
    std::optional<std::chrono::steady_clock::time_point> keys_made_;
};

} // namespace miraclemax::serve
