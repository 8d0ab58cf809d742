#include "serve/sidecar.hpp"

#include "error.hpp"
#include "serve/upkeep.hpp"

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

// Looking after containers is worth more than a status page.
std::unique_ptr<HttpServer> listen(const Sidecar& sidecar, Upkeep& upkeep) {
    const auto options = upkeep.standing().http;
    if (!options)
        return nullptr;
    try {
        auto http = std::make_unique<HttpServer>(
            *options, [&upkeep](const std::string& path) { return upkeep.page(path); });
        sidecar.say("status on http://" + options->address + ":" + std::to_string(http->port()) + "/");
        return http;
    } catch (const Error& error) {
        sidecar.say(std::string("there is NO status page and no /metrics: ") + error.what());
        return nullptr;
    }
}

} // namespace

std::chrono::seconds period_of(const Plans& plans, const std::string& job, Moment now) {
    for (const auto& each : plans.jobs)
        if (each.name == job) {
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
    Upkeep upkeep(sidecar, sidecar.load());
    const auto http = listen(sidecar, upkeep);
    std::jthread planning([&] {
        for (; !stop.stop_requested(); sleep_until_stop(stop, 1s))
            upkeep.plan(stop);
    });
    std::jthread copying([&] {
        for (; !stop.stop_requested(); sleep_until_stop(stop, 1s))
            upkeep.copy(stop);
    });
    std::jthread telling([&] {
        for (; !stop.stop_requested(); sleep_until_stop(stop, 2s))
            upkeep.tell(stop);
    });
    const auto settings = upkeep.standing().settings;
    const bool good = serve(settings, sidecar.connect, {.self_id = sidecar.self_id}, sidecar.say, stop);
    for (auto* each : {&planning, &copying, &telling})
        each->join();
    return good && all_back(settings, sidecar.connect, sidecar.say);
}

} // namespace miraclemax::serve
