#include "serve/schedule.hpp"

#include <algorithm>
#include <cstdint>
#include <utility>

namespace miraclemax::serve {
namespace {

using namespace std::chrono_literals;
using std::chrono::seconds;

constexpr seconds on_time = 10min;
constexpr seconds smallest_step = 1min;
constexpr std::size_t most_spans = 100;
constexpr unsigned most_missed = 999;
constexpr unsigned most_tries = 2;

Moment wall(const Now& now) {
    return std::chrono::floor<seconds>(now.wall);
}

// FNV-1a, and a last mixing (that of splitmix64): std::hash promises nothing from one program to the next.
std::uint64_t hash_of(const std::string& text) {
    std::uint64_t hash = 0xcbf29ce484222325U;
    for (const char byte : text) {
        hash ^= static_cast<unsigned char>(byte);
        hash *= 0x100000001b3U;
    }
    hash = (hash ^ (hash >> 30U)) * 0xbf58476d1ce4e5b9U;
    hash = (hash ^ (hash >> 27U)) * 0x94d049bb133111ebU;
    return hash ^ (hash >> 31U);
}

} // namespace

Schedule::Schedule(std::vector<Job> jobs, Options options, ScheduleMemory memory)
    : jobs_(std::move(jobs)), options_(std::move(options)), memory_(std::move(memory)) {}

Look Schedule::look(const Now& now) {
    Look look;
    look.stepped = step_since_last_look(now);
    look.remember = meet_new_jobs(wall(now));
    for (const Job& job : jobs_) {
        const auto planned = due(job, now, look.stepped);
        if (!planned) {
            waiting_.erase(job.name);
            continue;
        }
        if (was_tried_enough(job, *planned)) {
            waiting_.erase(job.name);
            mark_done(job, *planned);
            look.remember = true;
            continue;
        }
        const auto& spans = memory_.jobs.at(job.name).spans;
        const bool behind = !spans.empty() && wall(now) < spans.back().last;
        if (!was_told(job, *planned) && !was_watched(job, *planned, look.stepped) &&
            (behind || (!options_.catch_up && wall(now) - begin_of(job, *planned) > on_time))) {
            waiting_.erase(job.name);
            // With the clock behind it is not done: its time may come once more, and then be right.
            if (!behind) {
                mark_done(job, *planned);
                look.remember = true;
            }
            continue;
        }
        waiting_.insert_or_assign(job.name, *planned);
        look.due.push_back({.job = job.name, .planned = *planned, .missed = missed_before(job, *planned)});
    }
    std::stable_sort(look.due.begin(), look.due.end(),
                     [](const DueRun& a, const DueRun& b) { return a.planned < b.planned; });
    last_look_ = now;
    return look;
}

void Schedule::begins(const DueRun& run) {
    auto& begun = memory_.jobs[run.job].begun;
    begun = {.planned = run.planned, .tries = begun && begun->planned == run.planned ? begun->tries + 1 : 1};
}

void Schedule::waits(const DueRun& run) {
    auto& begun = memory_.jobs[run.job].begun;
    if (begun && begun->planned == run.planned && --begun->tries == 0)
        begun.reset();
}

void Schedule::replan(std::vector<Job> jobs, Options options) {
    jobs_ = std::move(jobs);
    options_ = std::move(options);
}

void Schedule::ended(const DueRun& run) {
    waiting_.erase(run.job);
    for (const Job& job : jobs_)
        if (job.name == run.job)
            mark_done(job, run.planned);
}

std::optional<Moment> Schedule::next_run(const std::string& name, const Now& now) const {
    for (const Job& job : jobs_)
        if (job.name == name)
            return next_begin(job, wall(now));
    return std::nullopt;
}

Moment Schedule::begin_of(const Job& job, Moment planned) const {
    if (job.jitter <= 0s)
        return planned;
    const auto text =
        options_.seed + '\n' + job.name + '\n' + std::to_string(planned.time_since_epoch().count());
    const seconds jitter{hash_of(text) % (static_cast<std::uint64_t>(job.jitter.count()) + 1)};
    return std::min(planned + jitter, job.when.next(planned) - 1s);
}

// The latest planned time whose moment has come, if it had no run.
std::optional<Moment> Schedule::due(const Job& job, const Now& now, seconds stepped) const {
    auto planned = job.when.last(wall(now));
    if (planned && begin_of(job, *planned) > wall(now)) {
        // With the next one planned already, one that waits for its jitter still has its turn. What was
        // missed does not: it is made up for by the next.
        planned = job.when.last(*planned - 1s);
        if (planned && !was_told(job, *planned) && !was_watched(job, *planned, stepped))
            return std::nullopt;
    }
    return planned && !is_done(job, *planned) ? planned : std::nullopt;
}

Moment Schedule::next_begin(const Job& job, Moment now) const {
    const auto latest = job.when.last(now);
    if (latest && !is_done(job, *latest) && begin_of(job, *latest) > now)
        return begin_of(job, *latest);
    Moment planned = job.when.next(now);
    // The clock was put back: what is next may be done long since.
    const auto known = memory_.jobs.find(job.name);
    for (bool moved = known != memory_.jobs.end(); std::exchange(moved, false);)
        for (const auto& span : known->second.spans)
            if (planned >= span.first && planned <= span.last) {
                planned = job.when.next(span.last);
                moved = true;
            }
    return begin_of(job, planned);
}

bool Schedule::is_done(const Job& job, Moment planned) const {
    const auto known = memory_.jobs.find(job.name);
    return known != memory_.jobs.end() &&
           std::any_of(known->second.spans.begin(), known->second.spans.end(),
                       [&](const auto& span) { return planned >= span.first && planned <= span.last; });
}

unsigned Schedule::missed_before(const Job& job, Moment planned) const {
    std::optional<Moment> before;
    for (const auto& span : memory_.jobs.at(job.name).spans)
        if (span.last < planned)
            before = std::max(before.value_or(span.last), span.last);
    unsigned missed = 0;
    if (before)
        for (Moment at = job.when.next(*before); at < planned && missed < most_missed; at = job.when.next(at))
            ++missed;
    return missed;
}

bool Schedule::was_tried_enough(const Job& job, Moment planned) const {
    const auto& begun = memory_.jobs.at(job.name).begun;
    return begun && begun->planned == planned && begun->tries >= most_tries;
}

bool Schedule::was_told(const Job& job, Moment planned) const {
    const auto waiting = waiting_.find(job.name);
    return waiting != waiting_.end() && waiting->second == planned;
}

// Its moment passed since the last look, and not by a step of the clock or in the host's sleep.
bool Schedule::was_watched(const Job& job, Moment planned, seconds stepped) const {
    return last_look_ && stepped == 0s && begin_of(job, planned) > wall(*last_look_);
}

seconds Schedule::step_since_last_look(const Now& now) const {
    if (!last_look_)
        return 0s;
    const auto stepped =
        std::chrono::round<seconds>((now.wall - last_look_->wall) - (now.steady - last_look_->steady));
    return std::chrono::abs(stepped) > smallest_step ? stepped : 0s;
}

// Whether there was one. Its latest planned time counts as done: it was none of ours.
bool Schedule::meet_new_jobs(Moment now) {
    bool met = false;
    for (const Job& job : jobs_) {
        auto& done = memory_.jobs[job.name];
        if (done.when == job.when.text())
            continue;
        met = true;
        done.begun.reset();
        done.when = job.when.text();
        // Nothing planned in 60 years: as if the moment itself had been.
        const Moment latest = job.when.last(now).value_or(now);
        done.spans.push_back({.first = latest, .last = latest});
    }
    return met;
}

void Schedule::mark_done(const Job& job, Moment planned) {
    auto& [when, spans, begun] = memory_.jobs[job.name];
    if (begun && begun->planned == planned)
        begun.reset();
    if (is_done(job, planned))
        return;
    if (!spans.empty() && job.when.next(spans.back().last) == planned)
        spans.back().last = planned;
    else
        spans.push_back({.first = planned, .last = planned});
    if (spans.size() > most_spans)
        spans.erase(spans.begin());
}

} // namespace miraclemax::serve
