#include "quiesce/recovery.hpp"

#include "error.hpp"
#include "quiesce/crew.hpp"
#include "quiesce/hook.hpp"
#include "quiesce/undo.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <mutex>
#include <set>

namespace miraclemax::quiesce {

namespace {

// Undoes one dead run. Members are touched by several threads only under the mutex.
class Replay {
public:
    Replay(podman::Engine& engine, DeadJournal& journal, const std::map<std::string, std::string>& living,
           const std::set<std::string>& waiting, const Haste& haste, RecoveryReport& report)
        : engine_(engine), journal_(journal), living_(living), waiting_(waiting), haste_(haste),
          report_(report) {}

    void run() {
        if (journal_.damaged())
            report_.all_known = false;
        if (!journal_.trouble().empty())
            return warn(journal_.trouble() +
                        ": look whether containers are paused or stopped (podman ps -a), then remove it");
        if (journal_.damaged())
            warn("its journal is damaged: what could be read is undone; look whether other containers are "
                 "paused or stopped (podman ps -a)");
        std::vector<Entry> pauses;
        std::map<int, std::vector<Entry>, std::greater<>> stops; // last stage first
        for (const auto& entry : journal_.open()) {
            if (const auto living = living_.find(entry.id); living != living_.end())
                leave(entry, living->second);
            else if (entry.act == Act::stop)
                stops[entry.stage].push_back(entry);
            else
                pauses.push_back(entry);
        }
        hold_back(stops);
        put_back(pauses);
        for (const auto& [stage, entries] : stops)
            put_back(entries);
        finish(pauses);
        for (const auto& [stage, entries] : stops)
            finish(entries);
        if (open_)
            return;
        guarded([&] { journal_.remove(); });
    }

private:
    void warn(const std::string& text) {
        report_.warnings.push_back(fmt::format("run {}: {}", journal_.run(), text));
    }

    void guarded(const std::function<void()>& act) {
        try {
            act();
        } catch (const std::exception& error) {
            warn(error.what());
        }
    }

    // That run releases it; should it die, its own journal does.
    void leave(const Entry& entry, const std::string& run) {
        open_ = true;
        report_.containers.push_back(
            {.run = journal_.run(),
             .id = entry.id,
             .name = entry.name,
             .what = fmt::format("is held by run {}, which lives: left to it", run)});
    }

    // To start one is to start what it needs.
    void hold_back(std::map<int, std::vector<Entry>, std::greater<>>& stops) {
        for (const auto& [stage, entries] : stops)
            if (std::any_of(entries.begin(), entries.end(),
                            [&](const Entry& entry) { return waiting_.count(entry.id) != 0; })) {
                open_ = true;
                stops.clear();
                return;
            }
    }

    void put_back(const std::vector<Entry>& entries) {
        Crew crew(entries.size(), [&](std::size_t i) {
            auto result = undo(engine_, entries[i], Patience{.haste = haste_});
            result.run = journal_.run();
            const std::lock_guard lock(mutex_);
            if (!result.ok)
                failed_.insert(entries[i].id);
            report_.containers.push_back(std::move(result));
        });
        crew.join();
    }

    void finish(const std::vector<Entry>& entries) {
        for (const auto& entry : entries) {
            if (failed_.count(entry.id) != 0) {
                open_ = true;
                continue;
            }
            if (!owed_hook(entry)) {
                open_ = true;
                continue;
            }
            guarded([&] { journal_.done(entry.id); });
        }
    }

    // False: there is no time for it now.
    bool owed_hook(Entry entry) {
        if (entry.after.empty())
            return true;
        const auto left = std::chrono::floor<std::chrono::seconds>(haste_.left());
        if (left.count() == 0)
            return false;
        entry.hook_timeout = std::min(entry.hook_timeout, left);
        if (const auto trouble = run_after_hook(engine_, entry))
            warn(*trouble);
        return true;
    }

    podman::Engine& engine_;
    DeadJournal& journal_;
    const std::map<std::string, std::string>& living_;
    const std::set<std::string>& waiting_;
    const Haste& haste_;
    RecoveryReport& report_;
    std::mutex mutex_;
    std::set<std::string> failed_;
    bool open_ = false;
};

} // namespace

bool RecoveryReport::ok() const {
    return all_known &&
           std::all_of(containers.begin(), containers.end(), [](const Recovered& one) { return one.ok; });
}

std::chrono::milliseconds Haste::left() const {
    using std::chrono::milliseconds;
    if (stop.stop_requested())
        return milliseconds(0);
    if (!until)
        return milliseconds::max();
    return std::max(milliseconds(0),
                    std::chrono::floor<milliseconds>(*until - std::chrono::steady_clock::now()));
}

RecoveryReport recover(podman::Engine& engine, const std::filesystem::path& folder, const Haste& haste,
                       const std::function<std::set<std::string>()>& wait) {
    RecoveryReport report;
    auto dead = dead_journals(folder);
    std::set<std::string> ours; // seen from here, the journals that this call holds look alive
    for (const auto& journal : dead)
        ours.insert(journal.run());
    const auto waiting = wait ? wait() : std::set<std::string>{};
    const auto living = held_by_living(folder, ours);
    for (auto& journal : dead)
        if (waiting.count(journal.run()) == 0)
            Replay(engine, journal, living, waiting, haste, report).run();
    return report;
}

} // namespace miraclemax::quiesce
