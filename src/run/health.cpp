#include "run/health.hpp"

#include "error.hpp"

#include <algorithm>
#include <thread>

namespace miraclemax::run {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;
using std::chrono::seconds;

std::string last_log_of(podman::Engine& engine, const std::string& name) {
    try {
        auto text = engine.logs(name);
        constexpr std::size_t most = 2000;
        return text.size() > most ? text.substr(text.size() - most) : text;
    } catch (const std::exception& error) {
        return std::string("(podman can't tell: ") + error.what() + ")";
    }
}

milliseconds pace_of(const podman::HealthCheck& check) {
    return std::clamp<milliseconds>(check.interval, seconds(1), seconds(5));
}

// Runs a container's health check where podman's own timer doesn't: without systemd nothing else would.
class Checking {
public:
    Checking(podman::Engine& engine, std::string name) : engine_(engine), name_(std::move(name)) {}

    void look(const podman::Container& container) {
        const auto& check = container.health_check;
        const auto now = Clock::now();
        if (podmans_timer_ran(container))
            leave_until_ = now + check.interval + seconds(5);
        seen_ = check.last_run;
        mine_ = first_ = false;
        // Asked more often than it is meant to be, it must not be called unhealthy sooner.
        const bool decisive = check.failing + 1 >= check.retries && now < earliest_verdict(check);
        if (now >= next_ && now >= leave_until_ && !decisive)
            run(check);
    }
    // When as many failures as it takes could have come at the check's own interval.
    [[nodiscard]] Clock::time_point earliest_verdict(const podman::HealthCheck& check) const {
        return began_ + check.start_period + (check.retries - 1) * check.interval;
    }
    [[nodiscard]] bool ran() const { return ran_; }
    [[nodiscard]] const std::string& trouble() const { return trouble_; } // why it could not be run

private:
    // Both times are written alike (RFC 3339), so that they compare as text.
    [[nodiscard]] bool podmans_timer_ran(const podman::Container& container) const {
        const auto& last = container.health_check.last_run;
        return first_ ? last > container.started_at : last != seen_ && !mine_;
    }
    void run(const podman::HealthCheck& check) {
        mine_ = ran_ = true;
        next_ = Clock::now() + pace_of(check);
        try {
            engine_.run_health_check(name_, std::min<milliseconds>(check.timeout + seconds(1), seconds(5)));
            trouble_.clear();
        } catch (const Error& error) {
            trouble_ = error.what();
            next_ = Clock::now() + std::max(pace_of(check), check.timeout); // it may still be running
        }
    }

    podman::Engine& engine_;
    std::string name_;
    Clock::time_point began_ = Clock::now(), next_ = began_ + seconds(1), leave_until_ = began_;
    std::string seen_, trouble_;
    bool first_ = true, mine_ = false, ran_ = false;
};

class Watch {
public:
    Watch(podman::Engine& engine, std::string name, milliseconds settle_time, milliseconds patience)
        : engine_(engine), name_(std::move(name)), checking_(engine, name_),
          settled_(Clock::now() + settle_time), end_(Clock::now() + patience) {}

    // True when nothing more is to be waited for.
    bool look() {
        try {
            const auto container = engine_.container(name_);
            if (!container)
                return is(false, "gone");
            if (container->state != podman::State::running)
                return is(false, podman::name_of(container->state));
            if (container->health == "healthy")
                return is(true, "healthy");
            if (container->health.empty())
                return Clock::now() >= settled_ && is(true, "running");
            return look_at_check(*container);
        } catch (const std::exception& error) {
            return Clock::now() >= end_ && is(false, error.what());
        }
    }
    void give_up() { is(false, "interrupted before its health was known"); }
    [[nodiscard]] Health result() {
        if (!health_.good)
            health_.last_log = last_log_of(engine_, name_);
        return health_;
    }

private:
    bool look_at_check(const podman::Container& container) {
        const auto now = Clock::now();
        if (container.health == "unhealthy" &&
            (!checking_.ran() || now >= checking_.earliest_verdict(container.health_check) || now >= end_))
            return is(false, "unhealthy");
        if (now >= end_)
            return is(false, "its health check still says \"" + container.health + "\"" +
                                 (checking_.trouble().empty() ? "" : " (" + checking_.trouble() + ")"));
        checking_.look(container);
        return false;
    }
    bool is(bool good, const std::string& what) {
        health_ = {.container = name_, .good = good, .what = what, .last_log = {}};
        return true;
    }

    podman::Engine& engine_;
    std::string name_;
    Checking checking_;
    Clock::time_point settled_, end_;
    Health health_;
};

bool is_down(podman::State state) {
    using podman::State;
    return state == State::exited || state == State::stopped || state == State::created ||
           state == State::initialized;
}

Health watched(Watch watch, const std::stop_token& stop) {
    while (!watch.look()) {
        if (stop.stop_requested()) {
            watch.give_up();
            break;
        }
        std::this_thread::sleep_for(milliseconds(100));
    }
    return watch.result();
}

} // namespace

std::vector<Health> await_health(podman::Engine& engine, const std::vector<std::string>& names,
                                 milliseconds settle_time, milliseconds patience,
                                 const std::stop_token& stop) {
    std::vector<Health> results(names.size());
    std::vector<std::jthread> watching; // a slow check of one must not use up the others' patience
    for (std::size_t i = 0; i < names.size(); ++i)
        watching.emplace_back(
            [&, i] { results[i] = watched(Watch(engine, names[i], settle_time, patience), stop); });
    watching.clear();
    return results;
}

LeftDown left_down(podman::Engine& engine, quiesce::Journal& journal, const quiesce::FreezeReport& released,
                   const std::vector<podman::Container>& before) {
    LeftDown left;
    const auto of_id = [](const std::string& id) {
        return [&id](const auto& each) { return each.id == id; };
    };
    const auto open = journal.open();
    for (const auto& each : released.containers) {
        if (each.not_back.empty())
            continue;
        try {
            const auto entry = std::find_if(open.begin(), open.end(), of_id(each.id));
            const auto now = engine.container(each.id);
            const auto was = std::find_if(before.begin(), before.end(), of_id(each.id));
            if (entry == open.end() || !now || now->id != each.id || was == before.end() ||
                !is_down(now->state))
                left.others = true;
            else if (now->started_at != was->started_at)
                journal.done(each.id);
            else
                left.unstarted.push_back({.entry = *entry, .why = each.not_back});
        } catch (const Error&) {
            left.others = true;
        }
    }
    return left;
}

} // namespace miraclemax::run
