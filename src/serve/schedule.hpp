// Which run is due when: a pure state machine. The caller has the clock, runs the jobs, keeps the memory.
#pragma once

#include "serve/clock.hpp"
#include "serve/cron.hpp"

#include <map>
#include <optional>
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

// What survives a restart: which planned times had their run. Only those are remembered as done, never those
// that a later run made up for: a clock that was years ahead for an hour must not silence the years to come.
struct ScheduleMemory {
    struct Span { // every planned time from first to last
        Moment first, last;
        friend bool operator==(const Span&, const Span&) = default;
    };
    // A run that began, and was not seen to end.
    struct Begun {
        Moment planned;
        unsigned tries = 0; // that began, this one included
        friend bool operator==(const Begun&, const Begun&) = default;
    };
    struct Done {
        std::string when;        // the expression; another one begins afresh
        std::vector<Span> spans; // in the order in which they were run, the most recent last; 100 at most
        std::optional<Begun> begun{};
        friend bool operator==(const Done&, const Done&) = default;
    };
    std::map<std::string, Done> jobs;
    friend bool operator==(const ScheduleMemory&, const ScheduleMemory&) = default;
};

// {"version": 1, "jobs": {"backup": {"when": "0 3 * * *", "done": [[1760578200, 1760664600]],
// "begun": [1760751000, 1]}}}; seconds since 1970, UTC; "begun" only while a run goes on, or was cut off.
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
// - A planned time whose run was cut off (the host went down, the sidecar was stopped or killed) is due
// again,
//   once: a run that brings the host down must not do so for ever. A run that could not begin, since another
//   one held the backup folder, was no try.
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

    // What should run now. Says the same again until ended() is told, or a later planned time takes its
    // place.
    [[nodiscard]] Look look(const Now& now);
    // The run begins. Write memory() down before it does: then crashes can't make it run for ever.
    void begins(const DueRun& run);
    // It could not begin: that was no try.
    void waits(const DueRun& run);
    // It ended by itself, well or not: its planned time is done.
    void ended(const DueRun& run);
    // Other jobs from now on. What waits goes on to wait, where its expression stays.
    void replan(std::vector<Job> jobs, Options options);
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
    [[nodiscard]] bool was_tried_enough(const Job& job, Moment planned) const;
    [[nodiscard]] bool was_told(const Job& job, Moment planned) const;
    [[nodiscard]] bool was_watched(const Job& job, Moment planned, std::chrono::seconds stepped) const;
    [[nodiscard]] std::chrono::seconds step_since_last_look(const Now& now) const;
    bool meet_new_jobs(Moment now);
    void mark_done(const Job& job, Moment planned);

    std::vector<Job> jobs_;
    Options options_;
    ScheduleMemory memory_;
    std::optional<Now> last_look_;
    std::map<std::string, Moment> waiting_; // told as due, not ended yet
};

} // namespace miraclemax::serve
