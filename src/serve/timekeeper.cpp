#include "serve/timekeeper.hpp"

#include "error.hpp"
#include "run/context.hpp"
#include "stream/file.hpp"

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

Schedule make(const Plans& plans, ScheduleMemory memory) {
    return {plans.jobs, {.catch_up = plans.catch_up, .seed = plans.seed}, std::move(memory)};
}

Now now() {
    return {.wall = std::chrono::system_clock::now(), .steady = std::chrono::steady_clock::now()};
}

} // namespace

Timekeeper::Timekeeper(std::filesystem::path memory, Plans plans, Say say)
    : memory_(std::move(memory)), say_(std::move(say)), plans_(std::move(plans)),
      schedule_(make(plans_, read_memory(memory_, say_))) {}

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
    {
        const std::lock_guard lock(mutex_);
        schedule_.started(due);
        remember();
    }
    if (due.missed > 0)
        say_(std::to_string(due.missed) + " planned runs of " + due.job + " before this one were missed");
    try {
        run(due);
    } catch (const std::exception& error) {
        say_("the planned " + due.job + " could not be started: " + error.what());
    }
}

void Timekeeper::replace(Plans plans) {
    const std::lock_guard lock(mutex_);
    schedule_ = make(plans, schedule_.memory());
    plans_ = std::move(plans);
}

std::map<std::string, std::chrono::system_clock::time_point> Timekeeper::next_runs() const {
    const std::lock_guard lock(mutex_);
    std::map<std::string, std::chrono::system_clock::time_point> times;
    for (const auto& job : plans_.jobs)
        if (const auto at = schedule_.next_run(job.name, now()))
            times[job.name] = *at;
    return times;
}

} // namespace miraclemax::serve
