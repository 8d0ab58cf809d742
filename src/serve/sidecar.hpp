// All that the sidecar's main process does beside looking after freezes: planned runs, the status over HTTP,
// and telling people.
#pragma once

#include "run/status.hpp"
#include "serve/clock.hpp"
#include "serve/daemon.hpp"
#include "serve/http.hpp"
#include "serve/timekeeper.hpp"
#include "telemetry/notifications.hpp"

#include <atomic>
#include <optional>

namespace miraclemax::serve {

// What the configuration says of it. Read anew on SIGHUP.
struct Standing {
    run::Settings settings;
    Plans plans;
    std::optional<HttpOptions> http; // nullopt: not served
    std::filesystem::path textfile;  // for node_exporter; empty: not written
    std::vector<telemetry::Channel> channels;
    std::string runbook; // base of the links in messages
};

// Carries out argv until it has ended, or soon after `stop`. Throws Error (failed) when it can't.
using StartJob = std::function<Ended(const std::vector<std::string>& argv, const std::stop_token& stop)>;
Ended start_job(const std::vector<std::string>& argv, const std::stop_token& stop);

struct Sidecar {
    std::function<Standing()> load; // throws Error (config)
    Connect connect;
    std::vector<std::string> program; // argv of a run, up to its verb
    Say say;
    std::function<std::string()> last_lines; // of the log, for messages; may be empty
    const std::atomic<unsigned>& hangups;    // counts SIGHUPs
    std::optional<std::string> self_id{};
    // The world, where a test has its own:
    Clock clock = real_time;
    StartJob start = start_job;
    telemetry::Outbox::Deliver deliver{}; // empty: over the network
};

// Until stop is requested. Returns whether every container is as it was. Throws Error when it can't begin
// (configuration).
bool stand_by(const Sidecar& sidecar, const std::stop_token& stop);

// The longest pause between planned times of a job, as far as its next eight tell; a day where it has none.
[[nodiscard]] std::chrono::seconds period_of(const Plans& plans, const std::string& job, Moment now);

} // namespace miraclemax::serve
