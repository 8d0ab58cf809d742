// What there is to tell: picks the runs and the stale backups that nobody heard of yet.
#pragma once

#include "run/ended_runs.hpp"
#include "run/status.hpp"
#include "serve/said.hpp"

#include <functional>
#include <map>
#include <set>

namespace miraclemax::serve {

// One thread.
class Teller {
public:
    // What a planned run printed; nullopt: it goes on, and is told later, as is what ended after it.
    using Printed = std::function<std::optional<std::string>(const run::Ended& ended)>;

    struct Scene {
        const run::Settings& settings;
        const telemetry::Status& status;
        std::string runbook, log;                         // base of links; the sidecar's own last lines
        const std::vector<catalog::RunRecord>& unwritten; // records that the state folder does not take
    };
    // Puts what is to be said into the outbox, and remembers that it did. Where the disk takes neither, it is
    // delivered at once and remembered here. Returns sentences about what failed, for the log. Throws Error
    // (failed) when what was said before can't be read: then nothing is said.
    std::vector<std::string> tell(const Scene& scene, const Printed& printed, telemetry::Outbox& outbox);
    // Of the first look, where the clock was set then.
    [[nodiscard]] const std::optional<telemetry::Time>& since() const { return since_; }

private:
    struct Unkept {
        telemetry::Message message;
        std::set<std::string> done; // channels that have it
    };
    [[nodiscard]] telemetry::Said recall(const SaidFile& file, const std::vector<run::Ended>& ended);
    void send(telemetry::Outbox& outbox);
    void remember(const SaidFile& file, const telemetry::Said& said);
    [[nodiscard]] std::vector<telemetry::Stale> stale(const Scene& scene, const telemetry::Said& said);

    std::map<std::string, telemetry::Time> stale_since_; // first seen; by component
    std::optional<telemetry::Time> since_;
    std::vector<Unkept> unkept_;             // the oldest first
    std::optional<telemetry::Said> unsaved_; // newer than its file, which could not be written
    std::vector<std::string> troubles_;
};

} // namespace miraclemax::serve
