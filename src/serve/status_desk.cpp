#include "serve/status_desk.hpp"

#include "telemetry/metrics.hpp"
#include "telemetry/status_json.hpp"
#include "telemetry/status_page.hpp"

namespace miraclemax::serve {
namespace {

constexpr auto fresh = std::chrono::seconds(5);
constexpr auto keys_fresh = std::chrono::minutes(10);

} // namespace

void StatusDesk::refresh(const View& view) {
    const auto [wall, now] = clock_();
    // A run that began or ended, and a changed plan, are seen at once.
    std::error_code none_yet;
    const auto written = std::filesystem::last_write_time(view.settings.runs(), none_yet);
    if (status_ && now - made_ < fresh && written == runs_written_ &&
        view.standing.next_runs == standing_.next_runs &&
        view.standing.unwritten.size() == standing_.unwritten.size())
        return;
    runs_written_ = written;
    if (!keys_made_ || now - *keys_made_ > keys_fresh) {
        keys_ = run::key_status(view.settings);
        keys_made_ = now;
    }
    standing_ = view.standing;
    try {
        host_ = connect_()->info().hostname;
        standing_.socket_ok = true;
    } catch (const std::exception& error) {
        standing_.socket_ok = false;
        standing_.socket_trouble = error.what();
    }
    standing_.host = host_;
    status_ = run::status_of(view.settings, standing_, keys_, wall);
    made_ = now;
}

telemetry::Status StatusDesk::status(const View& view) {
    const std::lock_guard lock(mutex_);
    refresh(view);
    return *status_;
}

std::string StatusDesk::trouble(const View& view) {
    const std::lock_guard lock(mutex_);
    refresh(view);
    return run::unhealthy(*status_, standing_);
}

Page StatusDesk::page(const std::string& path, const View& view) {
    if (path == "/")
        return {.type = "text/html; charset=utf-8",
                .body = telemetry::status_page(status(view)),
                .policy = telemetry::content_policy()};
    if (path == "/metrics")
        return {.type = "text/plain; version=0.0.4; charset=utf-8",
                .body = telemetry::metrics_text(status(view)),
                .policy = {}};
    if (path == "/api/status")
        return {.type = "application/json", .body = telemetry::status_json(status(view)), .policy = {}};
    if (path == "/healthz") {
        const auto why = trouble(view);
        return {.status = why.empty() ? 200 : 503, .body = why.empty() ? "ok\n" : why + "\n", .policy = {}};
    }
    return {.status = 404, .body = "there is nothing here\n", .policy = {}};
}

} // namespace miraclemax::serve
