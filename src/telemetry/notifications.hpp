// Telling people: what is to be said, to whom, and again until it is heard.
#pragma once

#include "telemetry/status.hpp"

#include <filesystem>
#include <functional>
#include <map>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

namespace miraclemax::telemetry {

enum class Occasion { failure, recovery, success, digest };
[[nodiscard]] const char* name_of(Occasion occasion);

struct Message {
    Occasion occasion = Occasion::failure;
    std::string
        id; // unique: a run's or backup's name and the occasion; a second one of the same id is not queued
    Time at;
    std::string subject; // one line
    std::string text;    // plain, with the facts: reason, component, last good backup, runbook link, last log
                         // lines, how to see the rest
    std::string component; // the one that it is about; empty: none or several
    std::string alert;     // name of the alert, for Alertmanager
    Severity severity = Severity::critical;
    std::string instance;    // whose backups: the host, with this sidecar's name where it has one of its own
    std::string runbook_url; // or empty
    // For Alertmanager, where each component has an alert of its own ("" is the run as a whole): those that
    // fire, and those that fired and have ended.
    std::vector<std::string> firing, ended;
    bool operator==(const Message&) const = default;
};

struct Channel {
    enum class Kind { smtp, alertmanager, ntfy, webhook };
    Kind kind = Kind::webhook;
    std::string name;     // "mail", for messages and metrics
    std::string url;      // smtp://host:25, smtps://host:465, http(s)://…
    bool starttls = true; // smtp://: TLS is required, not merely tried
    std::string user;
    std::string password; // never logged; without a user it is a bearer token (ntfy, webhook)
    std::string from, to; // mail addresses; `to` may be several, separated by commas
    std::string ca_file;  // empty: the system's
    bool on_success = false;
    bool on_digest = false;
};

// How long a delivery may take. A stop ends it within about a second.
struct Patience {
    std::chrono::milliseconds connect{10'000}; // smtp: three times that, login included
    std::chrono::milliseconds all{60'000};
    std::stop_token stop{};
};

// Delivers one message over one channel by libcurl, with deadlines (connect 10 s, all 60 s). Throws Error
// (failed) with the server's answer, never with the password or the path of a URL. Header lines can't be
// forged by what a subject or a name holds. Any thread; it blocks. Of several mail addresses it is enough
// that the server takes one.
void deliver(const Channel& channel, const Message& message);
void deliver_within(const Patience& patience, const Channel& channel, const Message& message);

// What waits to be delivered, on disk: <folder>/<time>-<id>.json, one file a message with the channels that
// still miss it. A notification that can't be delivered never fails a backup: it is tried again after 1, 5,
// 15, 60 minutes and then hourly, for three days, and counts in the metrics. Each channel gets its messages
// in their order: while one fails, later ones wait (after five tries they overtake it, but not on
// Alertmanager, where the order says whether an alert fires). A message may arrive twice, if the process is
// killed just after a delivery.
class Outbox {
public:
    using Deliver = std::function<void(const Channel&, const Message&)>;
    Outbox(std::filesystem::path folder, std::vector<Channel> channels, Deliver deliver);
    // Durable when it returns; throws Error (failed). Any process, also while another is in its round.
    void put(const Message& message, const std::set<std::string>& but_for = {}); // names of channels
    // For when it can't be put: delivers it now over each channel that wants it and is not in `done`, and
    // adds those that took it. Returns sentences about the others. Never throws.
    std::vector<std::string> deliver_at_once(const Message& message, std::set<std::string>& done) const;
    // Tries what is due. Returns sentences about what failed, for the log. Never throws. One process at a
    // time (a lock; the second does nothing). Blocks for as long as deliveries take: at most three that fail
    // a channel. Let `deliver` see the same stop: what a stop cuts off does not count as a try.
    std::vector<std::string> round(Time now, const std::stop_token& stop = {});
    // Counts survive restarts; a message to two channels counts twice. `failed`: given up.
    [[nodiscard]] NotificationStatus status() const;

private:
    std::filesystem::path folder_;
    std::vector<Channel> channels_;
    Deliver deliver_;
};

// One run that ended, or was killed, as its record tells it.
struct EndedRun {
    std::string name; // the run's own, "-killed" added where it was: it is told by this once
    std::string kind; // "backup" (of all components), "verify" (of all backups), "replicate" (to all tiers)
    RunStatus run;
    struct Part {
        std::string name, reason;
        std::optional<Time> last_good; // its newest whole archive before this run
        std::string last_good_id;
    };
    std::vector<Part> failed;         // components
    std::optional<Time> last_success; // end of the last whole run of this kind before it
    std::string log;                  // its last lines, or empty
};

// A backup that is older than it should be, by the status' problem of the same name.
struct Stale {
    std::string component; // "" is the whole
    std::string text;      // one sentence
    std::optional<Time> last_good;
};

struct News {
    const Status& status;
    std::vector<EndedRun> runs; // that were not told yet, in the order in which they ended
    std::vector<Stale> stale;   // all that are
    std::string runbook;        // base of the links, or empty
};

// What is to be said, given what was said before: a failure once for each run that fails, a recovery when a
// run is whole after one of its kind that was not, a success of a backup where a channel wants it, once that
// a backup is stale and once that it is no more, a digest once a week (Monday, from 8 in the morning local
// time, or as soon as the host is up again; the first one on a Monday). Pure, but for TZ.
struct Said { // remembered between runs, by the caller
    struct Alert {
        bool failing = false;
        std::vector<std::string> firing; // components whose alert was raised; "" is the run as a whole
        bool operator==(const Alert&) const = default;
    };
    bool begun = false;            // there was a look before
    Time since{};                  // of the first look
    std::vector<std::string> told; // EndedRun::name of the runs that were told, the oldest first
    Alert backup, verify, replicate;
    std::vector<std::string> stale; // Stale::component of what was told
    // And the last good backup that each had then, where it had one: only a later one makes it fresh.
    std::map<std::string, Time> stale_good{};
    std::string last_digest_week; // "2025-W42" (ISO 8601)
    bool operator==(const Said&) const = default;
    [[nodiscard]] Alert& of(const std::string& kind); // of run
};
// What is said of a kind of run once this one was told.
[[nodiscard]] Said::Alert alert_after(const EndedRun& ended);
// Of a component; "" is the whole, whose last good one is the last run that was whole.
[[nodiscard]] std::optional<Time> last_good_of(const Status& status, const std::string& component);
[[nodiscard]] bool holds(const std::vector<std::string>& list, const std::string& word);
std::vector<Message> messages_for(const News& news, Said& said);
[[nodiscard]] std::string to_json(const Said& said);
[[nodiscard]] Said parse_said(const std::string& text); // throws Error (failed)

} // namespace miraclemax::telemetry
