// Which backups stay and which go. A pure function: it looks at no file, no clock and deletes nothing.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace miraclemax::catalog {

// What one backup has of a component, or only the attempt: one that failed has size 0 and is not good.
struct HeldComponent {
    std::string name;
    bool good = false;      // complete, and its files proven to be what the manifest says
    std::string base;       // id of the backup that it is a delta of; empty: it is whole
    std::uint64_t size = 0; // stored bytes
};

struct RetentionRecord {
    std::string id;
    std::chrono::sys_seconds ended; // from the manifest, never a file's time; unreadable: any
    bool pinned = false;
    bool readable = true; // its manifest; components are then all that it holds or tried
    std::vector<HeldComponent> components;
};

// 0: no such rule. A backup stays if any rule keeps it; with no rule at all everything stays.
struct RetentionRules {
    // So many days back from today by the calendar of TZ, today included as day 0: with 30, what is from
    // 30 October stays through 29 November. For a component that fails now they count back from its last good
    // backup: a failure must not let its history run out.
    unsigned days = 30;
    unsigned last = 0; // the newest so many
    // The newest of each of the newest so many hours, days, ISO weeks, months, years that have one, by TZ.
    unsigned hourly = 0, daily = 0, weekly = 0, monthly = 0, yearly = 0;
};

struct RetentionPolicy {
    RetentionRules rules;                             // for components not named below
    std::map<std::string, RetentionRules> components; // these alone count for the component
    // A newest good copy smaller than this share of the median of up to `history` before it is suspicious.
    // Bases are measured against bases, deltas against deltas. 0: never.
    double suspicious_share = 0.5;
    unsigned history = 10;
};

struct RetentionClock {
    std::chrono::sys_seconds now;
    bool jumped = false; // was put forward or back, and nobody has confirmed it yet
};

struct RetentionVerdict {
    std::string id;
    bool keep = true;
    std::string reason; // "newest of week 2026-W47", "older than 30 days, and kept by no rule"
    struct Component {
        std::string name;
        bool wanted = true; // for its own sake; the folder may stay for another's
        std::string reason;
    };
    std::vector<Component> components; // in the record's order
};

struct RetentionPlan {
    std::vector<RetentionVerdict> verdicts; // oldest first
    std::vector<std::string> warnings;      // what holds removals back, a sentence each
};

// A backup is a folder, and goes only when every component in it may. These always stay: pinned backups,
// those whose manifest is unreadable, the newest one, the last good copy of each component, each base (and
// its base) that a delta in a kept backup stands on; everything, while the clock stands behind the newest
// backup or jumped; good copies of a component whose newest good copy is suspiciously small. A copy is good
// only if the bases below it are there and good. Copies that are not good never displace good ones. Those
// older than the last good copy go when they are older than `days`; those newer than it are all that there is
// since: they have the same rules among themselves, and the newest stays. The order of records does not
// matter; ids are unique. Any thread; whoever changes TZ calls tzset().
[[nodiscard]] RetentionPlan plan_retention(std::vector<RetentionRecord> records,
                                           const RetentionPolicy& policy, const RetentionClock& clock);

} // namespace miraclemax::catalog
