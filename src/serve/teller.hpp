// What there is to tell: picks the runs and the stale backups that nobody heard of yet.
#pragma once

#include "run/ended_runs.hpp"
#include "run/status.hpp"
#include "serve/said.hpp"

#include <functional>
#include <map>

namespace miraclemax::serve {

// One thread.
class Teller {
public:
    // What a planned run printed; nullopt: it goes on, and is told later, as is what ended after it.
    using Printed = std::function<std::optional<std::string>(const run::Ended& ended)>;

    struct Scene {
        const run::Settings& settings;
        const telemetry::Status& status;
        std::chrono::seconds stale_after;
        std::string runbook, log; // base of links; the sidecar's own last lines
    };
    // Puts what is to be said into the outbox, and remembers that it did. Throws Error (failed).
    void tell(const Scene& scene, const Printed& printed, telemetry::Outbox& outbox);

private:
    [[nodiscard]] std::vector<telemetry::Stale> stale(const Scene& scene, const telemetry::Said& said);

    std::map<std::string, telemetry::Time> stale_since_; // first seen; by component
};

} // namespace miraclemax::serve
