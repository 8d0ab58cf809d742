#include "serve/daemon.hpp"

#include "error.hpp"
#include "run/context.hpp"

#include "quiesce/journal.hpp"
#include "serve/reaper.hpp"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <fstream>
#include <mutex>
#include <set>
#include <thread>

namespace miraclemax::serve {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr const char* still_open = "not everything is as it was: the next start of miraclemax goes on";

bool any_left(const run::Settings& settings) {
    return !quiesce::held_by_living(settings.journals()).empty() ||
           !quiesce::dead_journals(settings.journals()).empty();
}

class Daemon {
public:
    Daemon(const run::Settings& settings, const Connect& connect, const Patrol& patrol, const Say& say)
        : settings_(settings), connect_(connect), patrol_(patrol), say_(say) {}

    bool operator()(const std::stop_token& stop) {
        // What it does may take long (a hook, a podman that does not answer): leaving must not wait for that.
        std::jthread looking([this, stop] {
            for (; !stop.stop_requested(); wait(stop))
                look(stop);
            looked_ = true;
        });
        Reaper reaper(::getpid() == 1);
        for (; !stop.stop_requested(); wait(stop))
            reaper.round();
        const bool good = leave(stop);
        looking.join();
        return good && all_back(settings_, connect_, [this](const std::string& line) { say(line); });
    }

private:
    void look(const std::stop_token& stop) {
        try {
            const auto engine = connect_();
            const bool good =
                tell(quiesce::recover(*engine, settings_.journals(), {.stop = stop}, waiting(*engine)));
            // Data that is half moved waits for nobody else's container.
            if ((good || !run::unsettled(settings_).empty()) && !stop.stop_requested())
                sweep(*engine, stop);
            trouble_.clear();
        } catch (const std::exception& error) {
            if (trouble_ != error.what()) // once, not every two seconds
                say(std::string("can't look after containers: ") + error.what());
            trouble_ = error.what();
        }
    }

    // Their data is put in order first: by look(), or by the next start.
    quiesce::Waiting waiting(podman::Engine& engine) const {
        return run::waiting(settings_, engine, patrol_.self_id);
    }

    void sweep(podman::Engine& engine, const std::stop_token& stop) {
        const auto recovery =
            run::recover(settings_, engine, patrol_.self_id, stop, std::chrono::milliseconds(0));
        tell(recovery.containers);
        for (const auto& each : recovery.data)
            say_once("run " + each.run + " left component " + each.component + ": it " + each.what);
        for (const auto& worker : recovery.workers)
            say("removed the left-over worker " + worker);
    }

    // Each line once, not every two seconds: it names its run.
    bool tell(const quiesce::RecoveryReport& report) {
        for (const auto& warning : report.warnings)
            say_once(warning);
        for (const auto& each : report.containers)
            say_once("run " + each.run + " left container " + each.name + ": " + each.what);
        return report.ok();
    }

    void say(const std::string& line) {
        const std::lock_guard lock(mutex_);
        say_(line);
    }

    void say_once(const std::string& line) {
        const std::lock_guard lock(mutex_);
        if (told_.insert(line).second)
            say_(line);
    }

    void wait(const std::stop_token& stop) const {
        std::mutex mutex;
        std::condition_variable_any wake;
        std::unique_lock lock(mutex);
        wake.wait_for(lock, stop, patrol_.every, [] { return false; });
    }

    // Runs in this pid namespace; a pid that was given to something else meanwhile is left alone.
    std::vector<pid_t> living() const {
        std::vector<pid_t> pids;
        std::error_code trouble;
        for (const auto& entry : std::filesystem::directory_iterator(settings_.journals(), trouble)) {
            const auto run = entry.path().stem().string();
            const auto pid = run::pid_of_run(run);
            if (!pid || *pid == ::getpid() || !quiesce::alive(settings_.journals(), run))
                continue;
            std::string name;
            std::ifstream("/proc/" + std::to_string(*pid) + "/comm") >> name;
            // A planned run was started as /proc/self/exe, and is named after that.
            if (name.find("miraclemax") != std::string::npos || name == "exe")
                pids.push_back(*pid);
        }
        return pids;
    }

    void signal_all(int signal) const {
        for (const auto pid : living())
            ::kill(pid, signal);
    }

    // Ends the living runs; then everything that can be put back at once is, and only after that is waited
    // for the rest: podman kills the container 10 s after its SIGTERM.
    bool leave(const std::stop_token& stop) {
        const auto end = SteadyClock::now() + patrol_.promise;
        signal_all(SIGTERM);
        await(std::min(end, SteadyClock::now() + patrol_.grace), [&] { return living().empty(); });
        signal_all(SIGKILL);
        await(std::min(end, SteadyClock::now() + std::chrono::seconds(1)), [&] { return living().empty(); });
        try {
            const auto engine = connect_();
            const auto journals = settings_.journals();
            if (!tell(quiesce::recover(*engine, journals, {.until = SteadyClock::now()}, waiting(*engine))) ||
                any_open()) {
                // look() lets go of the journal that it undoes, if there is one.
                await(end, [&] { return looked_.load(); });
                if (!tell(quiesce::recover(*engine, journals, {.until = end}, waiting(*engine))))
                    return false;
            }
            if (any_open()) {
                say(still_open);
                return false;
            }
            sweep(*engine, stop);
            return true;
        } catch (const std::exception& error) {
            say(std::string("can't release: ") + error.what());
            return false;
        }
    }

    bool any_open() const { return any_left(settings_); }

    template<typename Done> static void await(SteadyClock::time_point end, const Done& done) {
        while (!done() && SteadyClock::now() < end)
            ::usleep(50'000);
    }

    const run::Settings& settings_;
    const Connect& connect_;
    const Patrol& patrol_;
    const Say& say_;
    std::atomic<bool> looked_{false}; // for the last time
    std::string trouble_;             // the looking thread's
    std::mutex mutex_;                // guards say_, told_
    std::set<std::string> told_;
};

} // namespace

bool all_back(const run::Settings& settings, const Connect& connect, const Say& say) {
    try {
        if (!any_left(settings))
            return true;
        const auto engine = connect();
        const quiesce::Haste now{.until = SteadyClock::now()};
        quiesce::recover(*engine, settings.journals(), now, run::waiting(settings, *engine, {}));
        if (!any_left(settings))
            return true;
        say(still_open);
    } catch (const std::exception& error) {
        say(std::string("can't release: ") + error.what());
    }
    return false;
}

bool serve(const run::Settings& settings, const Connect& connect, const Patrol& patrol, const Say& say,
           const std::stop_token& stop) {
    return Daemon(settings, connect, patrol, say)(stop);
}

} // namespace miraclemax::serve
