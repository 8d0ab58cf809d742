#include "run/health.hpp"

#include "error.hpp"

#include <thread>

namespace miraclemax::run {
namespace {

using Clock = std::chrono::steady_clock;

std::string last_log_of(podman::Engine& engine, const std::string& name) {
    try {
        auto text = engine.logs(name);
        constexpr std::size_t most = 2000;
        return text.size() > most ? text.substr(text.size() - most) : text;
    } catch (const Error& error) {
        return std::string("(podman can't tell: ") + error.what() + ")";
    }
}

class Watch {
public:
    Watch(podman::Engine& engine, std::string name, std::chrono::milliseconds settle_time,
          std::chrono::milliseconds patience)
        : engine_(engine), name_(std::move(name)), settled_(Clock::now() + settle_time),
          end_(Clock::now() + patience) {}

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
            if (container->health == "unhealthy")
                return is(false, "unhealthy");
            if (container->health.empty())
                return Clock::now() >= settled_ && is(true, "running");
            return Clock::now() >= end_ &&
                   is(false, "its health check still says \"" + container->health + "\"");
        } catch (const Error& error) {
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
    bool is(bool good, const std::string& what) {
        health_ = {.container = name_, .good = good, .what = what, .last_log = {}};
        return true;
    }

    podman::Engine& engine_;
    std::string name_;
    Clock::time_point settled_, end_;
    Health health_;
};

} // namespace

std::vector<Health> await_health(podman::Engine& engine, const std::vector<std::string>& names,
                                 std::chrono::milliseconds settle_time, std::chrono::milliseconds patience,
                                 const std::stop_token& stop) {
    std::vector<Watch> watches;
    for (const auto& name : names)
        watches.emplace_back(engine, name, settle_time, patience);
    std::vector<Health> results;
    for (auto& watch : watches) {
        while (!watch.look()) {
            if (stop.stop_requested()) {
                watch.give_up();
                break;
            }
            std::this_thread::sleep_for(std::chrono::milliseconds(100));
        }
        results.push_back(watch.result());
    }
    return results;
}

} // namespace miraclemax::run
