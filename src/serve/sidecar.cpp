#include "serve/sidecar.hpp"

#include "catalog/run_record.hpp"
#include "error.hpp"
#include "run/context.hpp"
#include "serve/said.hpp"
#include "serve/status_desk.hpp"
#include "telemetry/metrics.hpp"

#include <algorithm>
#include <condition_variable>
#include <thread>

namespace miraclemax::serve {
namespace {

using namespace std::chrono_literals;

void sleep_until_stop(const std::stop_token& stop, std::chrono::milliseconds time) {
    std::mutex mutex;
    std::condition_variable_any wake;
    std::unique_lock lock(mutex);
    wake.wait_for(lock, stop, time, [] { return false; });
}

class StandBy {
public:
    StandBy(const Sidecar& sidecar, Standing standing)
        : sidecar_(sidecar), standing_(std::move(standing)),
          keeper_(standing_.settings.state / "schedule.json", standing_.plans, sidecar.say),
          desk_(sidecar.connect) {}

    bool operator()(const std::stop_token& stop) {
        const auto http = listen();
        std::jthread planning([this, stop] { plan(stop); });
        std::jthread telling([this, stop] { tell(stop); });
        const auto settings = standing().settings;
        return serve(settings, sidecar_.connect, {.self_id = sidecar_.self_id}, sidecar_.say, stop);
    }

private:
    // Looking after containers is worth more than a status page.
    std::unique_ptr<HttpServer> listen() {
        if (!standing_.http)
            return nullptr;
        try {
            auto http = std::make_unique<HttpServer>(
                *standing_.http, [this](const std::string& path) { return desk_.page(path, view()); });
            sidecar_.say("status on http://" + standing_.http->address + ":" + std::to_string(http->port()) +
                         "/");
            return http;
        } catch (const Error& error) {
            sidecar_.say(std::string("there is NO status page and no /metrics: ") + error.what());
            return nullptr;
        }
    }

    Standing standing() const {
        const std::lock_guard lock(mutex_);
        return standing_;
    }

    StatusDesk::View view() const {
        auto now = standing();
        StatusDesk::View view{.settings = std::move(now.settings), .standing = {}};
        view.standing.next_runs = keeper_.next_runs();
        view.standing.expected_every = period_of(now.plans, "backup");
        const std::lock_guard lock(mutex_);
        view.standing.notifications = notifications_;
        return view;
    }

    void plan(const std::stop_token& stop) {
        for (; !stop.stop_requested(); sleep_until_stop(stop, 1s)) {
            if (sidecar_.hangups != seen_hangups_)
                reload();
            keeper_.round(
                {.wall = std::chrono::system_clock::now(), .steady = std::chrono::steady_clock::now()},
                [&](const DueRun& due) { run(due, stop); });
        }
    }

    void run(const DueRun& due, const std::stop_token& stop) {
        auto argv = sidecar_.program;
        argv.push_back(due.job);
        argv.push_back("--planned");
        argv.push_back(run::utc_time(due.planned));
        if (due.job == "verify")
            argv.push_back("--all");
        sidecar_.say("planned " + due.job + " begins");
        auto ended = started(argv, stop);
        // Seldom after a while: each try is told.
        for (auto pause = 2s; is_busy(ended) && !stop.stop_requested(); pause = std::min(2 * pause, 60s)) {
            sidecar_.say("planned " + due.job + " waits: another run is going on");
            sleep_until_stop(stop, pause);
            if (!stop.stop_requested())
                ended = started(argv, stop);
        }
        sidecar_.say("planned " + due.job + " ended with exit code " + std::to_string(ended.code));
        if (due.job != "backup")
            return;
        if (ended.code != 0 && !stop.stop_requested())
            record_if_none(due, ended);
        const std::lock_guard lock(mutex_);
        last_lines_ = ended.last_lines;
    }

    static Ended started(const std::vector<std::string>& argv, const std::stop_token& stop) {
        try {
            return run_job(argv, stop, 2s);
        } catch (const std::exception& error) {
            return {.code = 1, .last_lines = {error.what()}};
        }
    }

    // A run that could not even begin (a wrong configuration, a kill) has kept no record, and would fail
    // silently.
    void record_if_none(const DueRun& due, const Ended& ended) const {
        catalog::RunRecords records(standing().settings.runs());
        const auto planned = run::utc_time(due.planned);
        for (const auto& each : records.all())
            if (each.kind == "backup" && each.planned == planned)
                return;
        const auto now = run::utc_time(std::chrono::system_clock::now());
        std::string why;
        for (const auto& line : ended.last_lines)
            why += (why.empty() ? "" : "; ") + line;
        records.keep({.run = run::new_run_name(),
                      .kind = "backup",
                      .began = now,
                      .ended = now,
                      .planned = planned,
                      .code = ended.code,
                      .message = why.empty() ? "it ended without a word" : why});
    }

    static bool is_busy(const Ended& ended) { return ended.code == static_cast<int>(ExitCode::busy); }

    // A bad file is refused whole, and the old one stays.
    void reload() {
        seen_hangups_ = sidecar_.hangups;
        try {
            auto fresh = sidecar_.load();
            keeper_.replace(fresh.plans);
            const std::lock_guard lock(mutex_);
            standing_ = std::move(fresh);
            sidecar_.say(
                "configuration read anew (a changed HTTP address, backup or state folder needs a restart)");
        } catch (const std::exception& error) {
            sidecar_.say(std::string("the configuration was NOT read anew, and the old one stays: ") +
                         error.what());
        }
    }

    void tell(const std::stop_token& stop) {
        for (; !stop.stop_requested(); sleep_until_stop(stop, 2s))
            try {
                tell_once(stop);
            } catch (const std::exception& error) {
                say_once(std::string("can't tell how it is: ") + error.what());
            }
    }

    // That it can't be written is no reason to tell nobody anything.
    void write_textfile(const std::filesystem::path& path, const telemetry::Status& status) {
        try {
            telemetry::write_textfile(path, status);
            textfile_trouble_.clear();
        } catch (const std::exception& error) {
            if (textfile_trouble_ != error.what())
                sidecar_.say(std::string("the textfile can't be written: ") + error.what());
            textfile_trouble_ = error.what();
        }
    }

    // The status is made of all manifests and records: not every two seconds for nothing. What is said hangs
    // on runs that end, and on the hour.
    bool news(std::filesystem::file_time_type written) const {
        const bool old = looked_ && std::chrono::steady_clock::now() - *looked_ < 1min;
        return !old || written != runs_written_;
    }

    // Only once it was told: what could not be is tried again at once.
    void remember(std::filesystem::file_time_type written) {
        looked_ = std::chrono::steady_clock::now();
        runs_written_ = written;
    }

    void tell_once(const std::stop_token& stop) {
        const auto now = standing();
        telemetry::Outbox outbox(
            now.settings.state / "outbox", now.channels,
            [stop](const telemetry::Channel& channel, const telemetry::Message& message) {
                telemetry::deliver_within({.stop = stop}, channel, message);
            });
        std::error_code none_yet;
        const auto written = std::filesystem::last_write_time(now.settings.runs(), none_yet);
        if (news(written)) {
            tell_news(now, outbox);
            remember(written);
        }
        for (const auto& trouble : outbox.round(std::chrono::system_clock::now(), stop))
            say_once(trouble);
        const std::lock_guard lock(mutex_);
        notifications_ = outbox.status();
    }

    void tell_news(const Standing& now, telemetry::Outbox& outbox) {
        const auto status = desk_.status(view());
        if (!now.textfile.empty())
            write_textfile(now.textfile, status);
        const SaidFile file(now.settings.state / "said.json");
        auto said = file.read();
        const auto before = said;
        for (const auto& message :
             telemetry::messages_for(status, log_of(status.last_run), now.runbook, said))
            outbox.put(message);
        if (!(said == before))
            file.write(said);
    }

    // What a run by hand wrote went to who started it.
    std::string log_of(const std::optional<telemetry::RunStatus>& last_run) const {
        std::string text = sidecar_.last_lines ? sidecar_.last_lines() : "";
        const std::lock_guard lock(mutex_);
        if (last_run && last_run->planned)
            for (const auto& line : last_lines_)
                text += line + "\n";
        return text;
    }

    void say_once(const std::string& text) {
        if (text != told_)
            sidecar_.say(text);
        told_ = text;
    }

    const Sidecar& sidecar_;
    mutable std::mutex mutex_; // guards the next three
    Standing standing_;
    telemetry::NotificationStatus notifications_;
    std::vector<std::string> last_lines_; // of the last planned backup
    Timekeeper keeper_;
    StatusDesk desk_;
    unsigned seen_hangups_ = 0; // the planning thread's
    // The telling thread's:
    std::optional<std::chrono::steady_clock::time_point> looked_;
    std::filesystem::file_time_type runs_written_{};
    std::string told_, textfile_trouble_;
};

} // namespace

std::chrono::seconds period_of(const Plans& plans, const std::string& job) {
    for (const auto& each : plans.jobs)
        if (each.name == job) {
            const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
            // A week of nights, one after the other: on working days only, the weekend counts.
            auto at = each.when.last(now).value_or(now);
            std::chrono::seconds longest{0};
            for (int i = 0; i < 8; ++i) {
                const auto next = each.when.next(at);
                longest = std::max<std::chrono::seconds>(longest, next - at);
                at = next;
            }
            return longest;
        }
    return std::chrono::hours(24);
}

bool stand_by(const Sidecar& sidecar, const std::stop_token& stop) {
    return StandBy(sidecar, sidecar.load())(stop);
}

} // namespace miraclemax::serve
