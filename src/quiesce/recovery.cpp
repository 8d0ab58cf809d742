#include "quiesce/recovery.hpp"

#include "error.hpp"
#include "quiesce/crew.hpp"
#include "quiesce/hook.hpp"
#include "quiesce/undo.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <functional>
#include <mutex>
#include <set>

namespace miraclemax::quiesce {

namespace {

// Who may not be started yet, by id; all, where that can't be told.
struct HeldBack {
    std::set<std::string> ids{};
    std::string why_all{};
};

// Undoes one dead run. Members are touched by several threads only under the mutex.
class Replay {
public:
    Replay(podman::Engine& engine, DeadJournal& journal, const std::map<std::string, std::string>& living,
           const Haste& haste, RecoveryReport& report)
        : engine_(engine), journal_(journal), living_(living), haste_(haste), report_(report) {}

    void unpause() {
        if (journal_.damaged())
            report_.all_known = false;
        if (!journal_.trouble().empty())
            return warn(journal_.trouble() +
                        ": look whether containers are paused or stopped (podman ps -a), then remove it");
        if (journal_.damaged())
            warn("its journal is damaged: what could be read is undone; look whether other containers are "
                 "paused or stopped (podman ps -a)");
        for (const auto& entry : journal_.open()) {
            if (const auto living = living_.find(entry.id); living != living_.end())
                leave(entry, living->second);
            else if (entry.act == Act::stop)
                stops_[entry.stage].push_back(entry);
            else
                pauses_.push_back(entry);
        }
        put_back(pauses_);
    }

    [[nodiscard]] bool any_stopped() const { return !stops_.empty(); }

    void start(const HeldBack& held_back) {
        if (!journal_.trouble().empty())
            return;
        hold_back(held_back);
        for (const auto& [stage, entries] : stops_)
            put_back(entries);
        finish(pauses_);
        for (const auto& [stage, entries] : stops_)
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

    void hold_back(const HeldBack& held_back) {
        for (auto& [stage, entries] : stops_)
            std::erase_if(entries, [&](const Entry& entry) {
                if (held_back.why_all.empty() && held_back.ids.count(entry.id) == 0)
                    return false;
                open_ = true;
                report_.containers.push_back({.run = journal_.run(),
                                              .id = entry.id,
                                              .name = entry.name,
                                              .what = held_back.why_all.empty()
                                                          ? "waits until the data that it uses is whole"
                                                          : held_back.why_all,
                                              .ok = false,
                                              .waits = true});
                return true;
            });
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
    const Haste& haste_;
    RecoveryReport& report_;
    std::vector<Entry> pauses_;
    std::map<int, std::vector<Entry>, std::greater<>> stops_; // last stage first
    std::mutex mutex_;
    std::set<std::string> failed_;
    bool open_ = false;
};

HeldBack held_back_by(const Waiting& waiting, const Haste& haste) {
    try {
        return {.ids = waiting.containers(haste)};
    } catch (const std::exception& error) {
        return {.why_all = std::string("waits: whether the data that it uses is whole can't be told: ") +
                           error.what()};
    }
}

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
                       const Waiting& waiting) {
    RecoveryReport report;
    auto dead = dead_journals(folder);
    std::set<std::string> ours; // seen from here, the journals that this call holds look alive
    for (const auto& journal : dead)
        ours.insert(journal.run());
    const auto left = waiting.runs ? waiting.runs() : std::set<std::string>{};
    const auto living = held_by_living(folder, ours);
    std::deque<Replay> replays;
    for (auto& journal : dead)
        if (left.count(journal.run()) == 0)
            replays.emplace_back(engine, journal, living, haste, report).unpause();
    HeldBack held_back;
    if (waiting.containers &&
        std::any_of(replays.begin(), replays.end(), [](const Replay& each) { return each.any_stopped(); }))
        held_back = held_back_by(waiting, haste);
    for (auto& replay : replays)
        replay.start(held_back);
    return report;
}

} // namespace miraclemax::quiesce
