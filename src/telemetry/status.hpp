// How it is: one picture of a host's backups, made by run/status from catalogue, proofs and run records.
// Metrics, the status page, its JSON and the messages to people are all made of it. Pure values; times are
// UTC.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace miraclemax::telemetry {

using Time = std::chrono::system_clock::time_point;

struct Point { // of one run, for the charts
    Time at;
    bool ok = true;
    std::uint64_t stored = 0;
    std::int64_t freeze_milliseconds = 0;
};

struct ComponentStatus {
    std::string name, category, priority;
    bool last_ok = true;           // the last try
    std::string reason;            // why not
    std::optional<Time> last_good; // when the newest whole archive was made
    std::string last_good_id;
    std::optional<Time> verified; // when its newest archive was last decrypted and compared
    std::string verify_trouble;   // what the last proof found, or empty
    std::optional<Time> restored; // last restore, or rehearsal of one, of it (drill)
    std::uint64_t stored = 0, bytes = 0, files = 0, skipped = 0, changed = 0; // of the last try
    std::int64_t freeze_milliseconds = 0;
    std::vector<Point> history; // oldest first, at most 30
};

struct RunStatus {  // the last backup run that ended, or was killed
    std::string id; // of its backup; where it published none, the run's own name
    bool published = true;
    bool planned = false; // by the schedule, not by hand
    bool ok = true;
    bool killed = false;
    int code = 0;
    std::string message;
    Time began, ended;
    std::uint64_t stored = 0;
};

struct TierStatus {
    std::string name; // "local", which is the first; the others as they were found last
    std::uint64_t backups = 0, stored = 0, free_bytes = 0;
    std::optional<double> days_until_full; // by what the last 14 days took
    std::optional<Time> newest;            // the newest backup that is there
    bool ok = true;
    std::string trouble;
};

struct KeyStatus {
    std::string fingerprint, owner;
    std::optional<Time> expires;
    bool ok = true;
    std::string trouble;
};

enum class Severity { critical, warning };
struct Problem {
    Severity severity = Severity::warning;
    std::string alert;     // name of the alert: an anchor of the runbook (compose/monitoring/runbook.md)
    std::string component; // or empty
    std::string text;      // one sentence
};

struct NotificationStatus {
    std::uint64_t sent = 0, failed = 0, waiting = 0; // messages, since the state was made
};

struct WeekStatus { // whole backup runs of the last seven days
    std::uint64_t runs = 0, whole = 0, stored = 0;
};

struct Status {
    Time now;
    std::string version, instance, host;
    std::optional<RunStatus> last_run;
    std::optional<Time> last_success; // end of the last whole run
    std::optional<Time> under_way;    // when the backup run began that is going on
    std::vector<Point> runs;          // oldest first, at most 30: stored of the backup, freeze the longest
    std::vector<std::int64_t> durations_milliseconds; // the same runs
    WeekStatus week;
    // When the oldest run began that is on record, of any kind, the one that is going on included.
    std::optional<Time> first_record;
    std::vector<std::string> ahead; // runs and backups of a clock that stood in the future: not counted above
    std::vector<ComponentStatus> components; // critical first
    std::vector<TierStatus> tiers;
    std::vector<KeyStatus> keys;
    std::vector<std::string> unreleased;   // containers that are not as they were
    std::map<std::string, Time> next_runs; // by job: "backup", "verify"
    NotificationStatus notifications;
    std::vector<Problem> problems; // worst first
};

} // namespace miraclemax::telemetry
