// How it is: the picture that metrics, status page and messages are made of.
#pragma once

#include "catalog/run_record.hpp"
#include "run/settings.hpp"
#include "telemetry/status.hpp"

#include <map>
#include <optional>

namespace miraclemax::run {

// What only the sidecar's main process knows.
struct Standing {
    std::string host;                                 // its name, as podman knows it
    std::map<std::string, telemetry::Time> next_runs; // by job
    telemetry::NotificationStatus notifications;
    std::chrono::seconds expected_every{24 * 3600}; // between two planned backups
    bool socket_ok = true;
    std::string socket_trouble;
    std::optional<telemetry::Time> since{};      // when this sidecar first looked, as far as it knows
    std::vector<catalog::RunRecord> unwritten{}; // records that the state folder does not take
};

// The recipients, looked at: starts gpg. Never throws.
std::vector<telemetry::KeyStatus> key_status(const Settings& settings);

// Reads catalogue, proofs and run records. Never throws: what can't be read is a problem in it.
telemetry::Status status_of(const Settings& settings, const Standing& standing,
                            std::vector<telemetry::KeyStatus> keys, telemetry::Time now);

// How old the last whole backup may grow before it is stale: two days, or twice what lies between two planned
// ones. compose/monitoring/rules.yml has the two days.
[[nodiscard]] std::chrono::seconds stale_after(const Standing& standing);

// Why the sidecar's health check is red; empty: it is green. The last whole run is older than it should be,
// or never came, a container is not back, or podman's socket is gone.
[[nodiscard]] std::string unhealthy(const telemetry::Status& status, const Standing& standing);

// The problems of a status, worst first. Pure.
std::vector<telemetry::Problem> problems_of(const telemetry::Status& status, const Standing& standing);

} // namespace miraclemax::run
