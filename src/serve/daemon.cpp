#include "serve/daemon.hpp"

#include "error.hpp"
#include "run/context.hpp"

#include "quiesce/journal.hpp"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <condition_variable>
#include <fstream>
#include <mutex>
#include <set>

namespace miraclemax::serve {
namespace {

class Daemon {
public:
    Daemon(const run::Settings& settings, const Connect& connect, const Patrol& patrol, const Say& say)
        : settings_(settings), connect_(connect), patrol_(patrol), say_(say) {}

    bool operator()(const std::stop_token& stop) {
        while (!stop.stop_requested()) {
            reap();
            look();
            wait(stop);
        }
        return leave();
    }

private:
    // Children of ended `podman exec` runs become ours; nobody else will wait for them.
    static void reap() {
        while (::waitpid(-1, nullptr, WNOHANG) > 0) {
        }
    }

    void look() {
        try {
            const auto engine = connect_();
            tell(run::recover(settings_, *engine));
            trouble_.clear();
        } catch (const std::exception& error) {
            if (trouble_ != error.what()) // once, not every two seconds
                say_(std::string("can't look after containers: ") + error.what());
            trouble_ = error.what();
        }
    }

    bool tell(const run::Recovery& recovery) {
        for (const auto& warning : recovery.containers.warnings)
            say_(warning);
        for (const auto& each : recovery.containers.containers) {
            const auto line = "run " + each.run + " left container " + each.name + ": " + each.what;
            if (each.ok || told_.insert(line).second)
                say_(line);
        }
        for (const auto& worker : recovery.workers)
            say_("removed the left-over worker " + worker);
        return recovery.containers.ok();
    }

    void wait(const std::stop_token& stop) {
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
            if (name.find("miraclemax") != std::string::npos)
                pids.push_back(*pid);
        }
        return pids;
    }

    void signal_all(int signal) const {
        for (const auto pid : living())
            ::kill(pid, signal);
    }

    bool leave() {
        signal_all(SIGTERM);
        const auto end = std::chrono::steady_clock::now() + patrol_.grace;
        while (!living().empty() && std::chrono::steady_clock::now() < end)
            ::usleep(50'000);
        signal_all(SIGKILL);
        for (int tries = 0; tries < 20 && !living().empty(); ++tries)
            ::usleep(50'000);
        reap();
        try {
            const auto engine = connect_();
            return tell(run::recover(settings_, *engine));
        } catch (const std::exception& error) {
            say_(std::string("can't release: ") + error.what());
            return false;
        }
    }

    const run::Settings& settings_;
    const Connect& connect_;
    const Patrol& patrol_;
    const Say& say_;
    std::string trouble_;
    std::set<std::string> told_;
};

} // namespace

bool serve(const run::Settings& settings, const Connect& connect, const Patrol& patrol, const Say& say,
           const std::stop_token& stop) {
    return Daemon(settings, connect, patrol, say)(stop);
}

} // namespace miraclemax::serve
