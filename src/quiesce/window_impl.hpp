// What a Window is made of, for this room: freezing is in window.cpp, releasing in window_release.cpp.
#pragma once

#include "error.hpp"
#include "quiesce/bystanders.hpp"
#include "quiesce/held.hpp"
#include "quiesce/window.hpp"

#include <map>
#include <memory>
#include <mutex>

namespace miraclemax::quiesce {

using TimePoint = std::chrono::steady_clock::time_point;

class Window::Impl {
public:
    Impl(podman::Engine& engine, Journal& journal, FreezePlan plan, Clock clock)
        : engine_(engine), journal_(journal), plan_(std::move(plan)), clock_(std::move(clock)) {
        for (std::size_t stage = 0; stage < plan_.stages.size(); ++stage)
            for (const auto& step : plan_.stages[stage]) {
                const auto may_stop = plan_.may_stop.find(step.id);
                all_.push_back(std::make_unique<Held>(step, static_cast<int>(stage),
                                                      may_stop != plan_.may_stop.end() && may_stop->second));
            }
    }

    void freeze(const std::stop_token& stop);
    [[nodiscard]] std::optional<TimePoint> deadline() const;
    [[nodiscard]] std::optional<std::string> moved(const component::Group& group,
                                                   const std::optional<std::string>& self_id);
    FreezeReport release();
    void leave() noexcept { left_ = true; }
    [[nodiscard]] FreezeReport report() const;

private:
    void run_before_hooks(const std::stop_token& stop);
    void freeze_stage(const std::vector<Held*>& stage, const std::stop_token& stop);
    void check(const std::stop_token& stop) const;
    [[nodiscard]] Error too_late() const;
    [[nodiscard]] std::optional<Error> interruption(const std::stop_token& stop) const;
    void begin(Held& held);
    void put_back_all();
    void put_back(Held& held);
    void watch_all();
    void watch(Held& held);
    void took(Held& held, const Recovered& result);
    void settle(const Held& held);
    void run_after_hooks();
    void warn(const std::string& text);
    [[nodiscard]] TimePoint now() const {
        const std::lock_guard lock(mutex_);
        return clock_();
    }

    podman::Engine& engine_;
    Journal& journal_;
    const FreezePlan plan_;
    std::vector<std::unique_ptr<Held>> all_; // in the plan's order
    Bystanders bystanders_;
    bool left_ = false;
    mutable std::mutex mutex_; // guards all below
    Clock clock_;
    std::optional<TimePoint> first_, last_;
    std::map<std::string, std::string> not_back_; // why, by container id
    std::vector<std::string> warnings_;
};

} // namespace miraclemax::quiesce
