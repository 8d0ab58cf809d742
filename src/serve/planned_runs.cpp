#include "serve/planned_runs.hpp"

#include "error.hpp"
#include "run/context.hpp"

#include <algorithm>

namespace miraclemax::serve {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kept_outputs = 10; // more runs than can end before they are told
constexpr std::size_t most_unwritten = 50;

bool is_busy(const Ended& ended) {
    return ended.code == static_cast<int>(ExitCode::busy);
}

} // namespace

Ended start_job(const std::vector<std::string>& argv, const std::stop_token& stop) {
    return run_job(argv, stop, 2s);
}

class PlannedRuns::Going {
public:
    Going(PlannedRuns& runs, const DueRun& due, const std::string& planned) : runs_(runs) {
        const std::lock_guard lock(runs_.mutex_);
        runs_.going_on_ = {.job = due.job, .planned = planned, .lines = {}};
    }
    ~Going() {
        const std::lock_guard lock(runs_.mutex_);
        runs_.going_on_.reset();
        ++runs_.ended_;
    }
    Going(const Going&) = delete;
    Going& operator=(const Going&) = delete;

private:
    PlannedRuns& runs_;
};

Came PlannedRuns::run(const DueRun& due, const std::filesystem::path& records, const std::stop_token& stop) {
    const auto planned = run::utc_time(due.planned);
    if (const auto name = due.job + planned; announced_ != name) { // not at each try
        announced_ = name;
        sidecar_.say("planned " + due.job + " begins");
    }
    const Going going(*this, due, planned);
    const auto ended = start(due, planned, stop);
    const bool cut_off = ended.code != 0 && stop.stop_requested();
    if (is_busy(ended))
        sidecar_.say("planned " + due.job + " waits: another run is going on");
    else
        sidecar_.say("planned " + due.job + " ended with exit code " + std::to_string(ended.code));
    if (ended.code != 0 && !is_busy(ended) && !cut_off)
        record_if_none(due.job, planned, ended, records);
    keep_output(due.job, planned, ended);
    return is_busy(ended) ? Came::busy : cut_off ? Came::cut_off : Came::ended;
}

void PlannedRuns::keep_output(const std::string& job, const std::string& planned, const Ended& ended) {
    Output output{.job = job, .planned = planned, .lines = {}};
    for (const auto& line : ended.last_lines)
        output.lines += line + "\n";
    const std::lock_guard lock(mutex_);
    outputs_.push_back(std::move(output));
    if (outputs_.size() > kept_outputs)
        outputs_.erase(outputs_.begin());
}

Ended PlannedRuns::start(const DueRun& due, const std::string& planned, const std::stop_token& stop) const {
    auto argv = sidecar_.program;
    argv.insert(argv.end(), {due.job, "--planned", planned});
    if (due.job == "verify")
        argv.emplace_back("--all");
    try {
        return sidecar_.start(argv, stop);
    } catch (const std::exception& error) {
        return {.code = 1, .last_lines = {error.what()}};
    }
}

// A run that could not even begin (a wrong configuration, a kill) has kept no record, and would fail
// silently.
void PlannedRuns::record_if_none(const std::string& job, const std::string& planned, const Ended& ended,
                                 const std::filesystem::path& folder) {
    for (const auto& each : catalog::RunRecords(folder).all())
        if (each.kind == job && each.planned == planned)
            return;
    const auto now = run::utc_time(sidecar_.clock().wall);
    std::string why;
    for (const auto& line : ended.last_lines)
        why += (why.empty() ? "" : "; ") + line;
    {
        const std::lock_guard lock(mutex_);
        unwritten_.push_back({.run = run::new_run_name(),
                              .kind = job,
                              .began = now,
                              .ended = now,
                              .planned = planned,
                              .code = ended.code,
                              .message = why.empty() ? "it ended without a word" : why});
        if (unwritten_.size() > most_unwritten)
            unwritten_.erase(unwritten_.begin());
    }
    write_down(folder);
}

std::vector<catalog::RunRecord> PlannedRuns::unwritten() const {
    const std::lock_guard lock(mutex_);
    return unwritten_;
}

void PlannedRuns::write_down(const std::filesystem::path& folder) {
    std::string trouble;
    try {
        for (const auto& record : unwritten()) {
            catalog::RunRecords(folder).keep(record); // not under the lock: a sick disk may take its time
            const std::lock_guard lock(mutex_);
            std::erase_if(unwritten_, [&](const auto& each) { return each.run == record.run; });
        }
    } catch (const std::exception& error) {
        trouble = std::string("a planned run can't be recorded yet: ") + error.what();
    }
    const std::lock_guard lock(mutex_);
    if (!trouble.empty() && trouble != unwritten_told_)
        sidecar_.say(trouble);
    unwritten_told_ = trouble;
}

std::optional<std::string> PlannedRuns::printed(const std::string& job, const std::string& planned) const {
    const std::lock_guard lock(mutex_);
    if (going_on_ && going_on_->job == job && going_on_->planned == planned)
        return std::nullopt;
    const auto found = std::find_if(outputs_.rbegin(), outputs_.rend(), [&](const Output& each) {
        return each.job == job && each.planned == planned;
    });
    return found == outputs_.rend() ? "" : found->lines;
}

unsigned PlannedRuns::ended() const {
    const std::lock_guard lock(mutex_);
    return ended_;
}

} // namespace miraclemax::serve
