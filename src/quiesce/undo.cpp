#include "quiesce/undo.hpp"

#include "error.hpp"
#include "stream/fault_point.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <thread>

namespace miraclemax::quiesce {

using podman::Container;
using podman::State;
using SteadyClock = std::chrono::steady_clock;

namespace {

class Undoing {
public:
    Undoing(podman::Engine& engine, const Entry& entry, const Patience& patience)
        : engine_(engine), entry_(entry), patience_(patience) {}

    Recovered run() {
        for (;;) {
            try {
                look();
            } catch (const std::exception& error) {
                if (no_time() || SteadyClock::now() - looked_ > patience_.unreachable)
                    return failed(error.what());
                std::this_thread::sleep_for(patience_.between / 4);
                continue;
            }
            try {
                const auto result = container_ ? step(*container_) : gone();
                if (result)
                    return *result;
            } catch (const std::exception& error) { // the state may have changed nevertheless: look again
                trouble_ = error.what();
                if (!no_time())
                    std::this_thread::sleep_for(patience_.between);
            }
        }
    }

private:
    using Step = std::optional<Recovered>; // nullopt: look again

    // Where it is gone, one of its name may have come.
    void look() {
        container_ = engine_.container(entry_.id);
        if (container_ && container_->id != entry_.id)
            container_.reset();
        if (!container_)
            others_ = engine_.containers();
        looked_ = SteadyClock::now();
    }

    [[nodiscard]] bool no_time() const { return patience_.haste.left().count() == 0; }

    [[nodiscard]] Recovered answer(const std::string& what, bool ok) const {
        return {.run = {}, .id = entry_.id, .name = entry_.name, .what = what, .ok = ok};
    }
    [[nodiscard]] Recovered succeeded(const std::string& what) const { return answer(what, true); }
    [[nodiscard]] Recovered failed(const std::string& what) const { return answer(what, false); }

    Step step(const Container& container) {
        switch (container.state) {
        case State::running:
            return succeeded(!done_.empty()            ? done_
                             : entry_.act == Act::none ? "is running"
                                                       : "was already running");
        case State::paused:
            return paused();
        case State::stopping:
            return entry_.act == Act::none ? succeeded("is stopping: left") : stop_again();
        case State::created:
        case State::initialized:
        case State::stopped:
        case State::exited:
            return entry_.act == Act::none ? succeeded("is not running: left") : start(container);
        case State::removing:
            return wait() ? std::nullopt : Step(failed("is being removed, and that does not end"));
        case State::unknown:
            break;
        }
        return wait() ? std::nullopt : Step(failed("is in a state that is not known"));
    }

    Step paused() {
        if (entry_.before != State::running || !(entry_.act == Act::pause || entry_.tried_pause))
            return succeeded("is paused, but not by this run: left");
        if (!again("unpause"))
            return failed(trouble_ + way_out());
        MIRACLEMAX_FAULT_POINT("release.unpause");
        engine_.unpause(entry_.id);
        MIRACLEMAX_FAULT_POINT("release.unpause");
        done_ = "unpaused";
        return std::nullopt;
    }

    // podman killed between its runtime's resume and the note of it says "paused" for ever, and runc refuses
    // to resume what runs (crun doesn't): "`/usr/bin/runc resume ID` failed: exit status 1".
    [[nodiscard]] std::string way_out() const {
        const auto act = trouble_.find(" resume ");
        const auto quote = trouble_.rfind('`', act);
        if (act == std::string::npos || quote == std::string::npos)
            return {};
        return fmt::format(
            "; if podman died in the middle of that, it runs, and podman doesn't know: `{} pause "
            "{}` and then `podman unpause {}` let it know",
            trouble_.substr(quote + 1, act - quote - 1), entry_.id, entry_.name);
    }

    // podman's service died within a stop, or somebody stops it just now: only a second stop leads out. It
    // waits as long as the first; one with a shorter time would kill what the user gave time to end.
    Step stop_again() {
        const auto left = patience_.haste.left();
        if (left.count() == 0)
            return failed(fmt::format("is still being stopped, which may take {} s: the next start of "
                                      "miraclemax, or `miraclemax recover`, puts it back",
                                      entry_.stop_timeout.count()));
        if (left <= entry_.stop_timeout + std::chrono::seconds(1)) {
            std::this_thread::sleep_for(std::min(left, std::chrono::milliseconds(100)));
            return std::nullopt;
        }
        if (!again("stop"))
            return failed(trouble_.empty() ? "is stopping, and that does not end" : trouble_);
        engine_.stop(entry_.id, entry_.stop_timeout);
        return std::nullopt;
    }

    Step start(const Container& container) {
        if (!again("start")) {
            auto result = failed(!trouble_.empty() ? trouble_ : "ends right after it is started");
            result.refused = true;
            return result;
        }
        MIRACLEMAX_FAULT_POINT("release.start");
        engine_.start(entry_.id);
        MIRACLEMAX_FAULT_POINT("release.start");
        done_ = entry_.act == Act::pause
                    ? fmt::format("started: it was running before, and was {}", name_of(container.state))
                    : "started";
        return std::nullopt;
    }

    // A new container of the same name was made by systemd or compose; a stranger is never touched.
    Step gone() {
        for (const auto& other : others_) {
            if (entry_.name.empty() || other.name != entry_.name || other.id == entry_.id)
                continue;
            if (other.state == State::running)
                return succeeded("was replaced by a new container of that name, which is running");
            if (wait())
                return std::nullopt;
            return failed(fmt::format("was replaced by a new container of that name, which is {}: if it is "
                                      "to run, start it by hand",
                                      name_of(other.state)));
        }
        if (entry_.unit.empty())
            return succeeded("is gone");
        if (wait())
            return std::nullopt;
        return succeeded(fmt::format("is gone, and its unit {} has not brought it back", entry_.unit));
    }

    bool again(const char* act) { return tried_[act]++ < (no_time() ? 1 : patience_.tries); }

    // True while there is time for it to change by itself.
    bool wait() {
        if (!waiting_)
            waiting_ = SteadyClock::now();
        if (no_time() || SteadyClock::now() - *waiting_ > patience_.settling)
            return false;
        std::this_thread::sleep_for(std::min(patience_.settling / 20, std::chrono::milliseconds(200)));
        return true;
    }

    podman::Engine& engine_;
    const Entry& entry_;
    const Patience& patience_;
    std::string done_;
    std::string trouble_;
    std::map<std::string, int> tried_;
    std::optional<Container> container_;
    std::vector<Container> others_;
    SteadyClock::time_point looked_ = SteadyClock::now();
    std::optional<SteadyClock::time_point> waiting_;
};

} // namespace

Recovered undo(podman::Engine& engine, const Entry& entry, const Patience& patience) {
    return Undoing(engine, entry, patience).run();
}

Recovered undo(podman::Engine& engine, const Entry& entry) {
    return undo(engine, entry, Patience{});
}

} // namespace miraclemax::quiesce
