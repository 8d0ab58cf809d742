#include "serve/timekeeper.hpp"

#include "error.hpp"
#include "stream/file.hpp"

#include <algorithm>

namespace miraclemax::serve {
namespace {

ScheduleMemory read_memory(const std::filesystem::path& file, const Timekeeper::Say& say) {
    std::error_code trouble;
    if (!std::filesystem::exists(file, trouble))
        return {};
    try {
        return parse_schedule_memory(stream::read_file(file, std::size_t{1} << 20U));
    } catch (const std::exception& error) {
        say("which planned runs there were can't be read, so none is caught up with: " +
            std::string(error.what()));
        return {};
    }
}

constexpr std::chrono::seconds first_pause{2}, longest_pause{60};

Schedule::Options options_of(const Plans& plans) {
    return {.catch_up = plans.catch_up, .seed = plans.seed};
}

} // namespace

Timekeeper::Timekeeper(std::filesystem::path memory, Plans plans, Say say)
    : memory_(std::move(memory)), say_(std::move(say)), plans_(std::move(plans)),
      schedule_(plans_.jobs, options_of(plans_), read_memory(memory_, say_)) {}

void Timekeeper::remember() {
    try {
        stream::replace_file(memory_, to_json(schedule_.memory()));
    } catch (const std::exception& error) {
        say_(std::string("which planned runs there were can't be written down: ") + error.what());
    }
}

void Timekeeper::round(const Now& at, const Run& run) {
    Look look;
    {
        const std::lock_guard lock(mutex_);
        look = schedule_.look(at);
        if (look.remember)
            remember();
    }
    if (look.due.empty())
        return;
    // One at a time: the others stay due, and are looked at again when this one has ended.
    const auto& due = look.due.front();
    const bool again = put_off_ && put_off_->job == due.job && put_off_->planned == due.planned;
    if (again && at.steady < put_off_->until)
        return;
    if (due.missed > 0 && !again)
        say_(std::to_string(due.missed) + " planned runs of " + due.job + " before this one were missed");
    {
        const std::lock_guard lock(mutex_);
        schedule_.begins(due);
        remember();
    }
    const auto came = attempt(due, run);
    note(due, came);
    if (came != Came::busy) {
        put_off_.reset();
        return;
    }
    const auto pause = again ? std::min(2 * put_off_->pause, longest_pause) : first_pause;
    put_off_ = {.job = due.job, .planned = due.planned, .pause = pause, .until = at.steady + pause};
}

Came Timekeeper::attempt(const DueRun& due, const Run& run) const {
    try {
        return run(due);
    } catch (const std::exception& error) {
        say_("the planned " + due.job + " could not be started: " + error.what());
        return Came::ended;
    }
}

void Timekeeper::note(const DueRun& due, Came came) {
    const std::lock_guard lock(mutex_);
    if (came == Came::busy)
        schedule_.waits(due);
    else if (came == Came::ended)
        schedule_.ended(due);
    remember();
}

void Timekeeper::replace(Plans plans) {
    const std::lock_guard lock(mutex_);
    schedule_.replan(plans.jobs, options_of(plans));
    plans_ = std::move(plans);
}

std::map<std::string, std::chrono::system_clock::time_point> Timekeeper::next_runs(const Now& now) const {
    const std::lock_guard lock(mutex_);
    std::map<std::string, std::chrono::system_clock::time_point> times;
    for (const auto& job : plans_.jobs)
        if (const auto at = schedule_.next_run(job.name, now))
            times[job.name] = *at;
    return times;
}

} // namespace miraclemax::serve
