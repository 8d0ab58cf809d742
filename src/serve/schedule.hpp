// Which run is due when: a pure state machine. The caller has the clock, runs the jobs, keeps the memory.
#pragma once

#include "serve/cron.hpp"

#include <map>
#include <string>
#include <vector>

namespace miraclemax::serve {

struct Job {
    std::string name; // backup, verify, replicate
    Cron when;
    // At most so much later than planned, and always before the next planned time. Chosen by seed, job and
    // planned time alone, so that a restart changes nothing and a hundred hosts do not begin together.
    std::chrono::seconds jitter{0};
};

// Both clocks at one moment: against the steady one a step of the wall clock, or a sleep of the host, shows.
struct Now {
    std::chrono::system_clock::time_point wall;
    std::chrono::steady_clock::time_point steady;
};

// What survives a restart: which planned times had their run. Only those are remembered as done, never those
// that a later run made up for: a clock that was years ahead for an hour must not silence the years to come.
struct ScheduleMemory {
    struct Span { // every planned time from first to last
        Moment first, last;
        friend bool operator==(const Span&, const Span&) = default;
    };
    struct Done {
        std::string when;        // the expression; another one begins afresh
        std::vector<Span> spans; // in the order in which they were run, the most recent last; 100 at most
        friend bool operator==(const Done&, const Done&) = default;
    };
    std::map<std::string, Done> jobs;
    friend bool operator==(const ScheduleMemory&, const ScheduleMemory&) = default;
};

// {"version": 1, "jobs": {"backup": {"when": "0 3 * * *", "done": [[1760578200, 1760664600]]}}}; seconds
// since 1970, UTC.
[[nodiscard]] std::string to_json(const ScheduleMemory& memory);
// Throws Error (failed). A caller that goes on with an empty memory makes up for no missed run, and that is
// all.
[[nodiscard]] ScheduleMemory parse_schedule_memory(const std::string& json);

struct DueRun {
    std::string job;
    Moment planned;
    unsigned missed = 0; // planned times before it that had no run, and get none (999 at most)
};

struct Look {
    std::vector<DueRun> due; // the earliest planned first, then in the order of the jobs
    bool remember = false;   // the memory changed: write it down
    // By how much the wall clock moved more than the steady one since the last look, when by over a minute:
    // a step of the clock, or a sleep of the host. Back is below zero.
    std::chrono::seconds stepped{0};
};

// - A job that was never seen, or whose expression changed, begins now: it makes up for nothing.
// - Planned times that passed while nobody looked (host off, asleep, clock put forward) have one run at once,
// for
//   the latest of them; without catch_up they have none if they are over 10 minutes late. What passed while
//   the caller was busy with another run is not missed: it stays due.
// - A planned time that had its run never has another, whatever the clock does. While the clock stands behind
//   the run before (put back, or 1970 at boot), nothing is made up for: only what is planned from then on
//   runs.
// One thread at a time.
class Schedule {
public:
    struct Options {
        bool catch_up = true;
        std::string seed; // of this host, for the jitter
    };
    Schedule(std::vector<Job> jobs, Options options, ScheduleMemory memory);

    // What should run now. Says the same again until started() is told, or a later planned time takes its
    // place.
    [[nodiscard]] Look look(const Now& now);
    // The run begins. Write memory() down before it does: then a crash can't make it run twice.
    void started(const DueRun& run);
    // After a look: when to look again at the latest; `now` if something is due. Look at least once a minute
    // all the same: the clock may be stepped. nullopt: no jobs.
    [[nodiscard]] std::optional<Moment> next_wake(const Now& now) const;
    // When the job's next run is planned, jitter included, for people and metrics.
    [[nodiscard]] std::optional<Moment> next_run(const std::string& job, const Now& now) const;
    [[nodiscard]] const ScheduleMemory& memory() const { return memory_; }

private:
    [[nodiscard]] Moment begin_of(const Job& job, Moment planned) const;
    [[nodiscard]] std::optional<Moment> due(const Job& job, const Now& now,
                                            std::chrono::seconds stepped) const;
    [[nodiscard]] Moment next_begin(const Job& job, Moment now) const;
    [[nodiscard]] bool is_done(const Job& job, Moment planned) const;
    [[nodiscard]] unsigned missed_before(const Job& job, Moment planned) const;
    [[nodiscard]] bool was_told(const Job& job, Moment planned) const;
    [[nodiscard]] bool was_watched(const Job& job, Moment planned, std::chrono::seconds stepped) const;
    [[nodiscard]] std::chrono::seconds step_since_last_look(const Now& now) const;
    bool meet_new_jobs(Moment now);
    void mark_done(const Job& job, Moment planned);

    std::vector<Job> jobs_;
    Options options_;
    ScheduleMemory memory_;
    std::optional<Now> last_look_;
    std::map<std::string, Moment> waiting_; // told as due, not started yet
};

} // namespace miraclemax::serve
