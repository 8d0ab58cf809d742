#include "podman/answers.hpp"
#include "podman/bodies.hpp"
#include "podman/failure.hpp"
#include "podman/frames.hpp"
#include "podman/rest_calls.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <thread>

namespace miraclemax::podman {

using std::chrono::milliseconds;
using std::chrono::seconds;

void RestEngine::act_on(Call call, const char* verb, const std::string& id, bool repeatable,
                        const std::string& query, milliseconds deadline) {
    const auto act = fmt::format("{} {}", verb, titled(id));
    check_name(id, act);
    const auto answer = ask({.call = call,
                             .object = id,
                             .act = act,
                             .query = query,
                             .deadline = deadline,
                             .repeatable = repeatable});
    if (answer.status / 100 != 2 && answer.status != 304)
        throw refusal(answer.status, answer.body, act, call_text(call));
}

void RestEngine::pause(const std::string& id) {
    act_on(Call::pause, "pause", id, false);
}

void RestEngine::unpause(const std::string& id) {
    act_on(Call::unpause, "unpause", id, false);
}

// Repeatable: a stop whose podman died leaves the container `stopping`, which only another stop ends.
void RestEngine::stop(const std::string& id, seconds timeout) {
    const auto whole = std::clamp<seconds>(timeout, seconds{0}, seconds{366L * 24 * 3600});
    act_on(Call::stop, "stop", id, true, fmt::format("timeout={}", whole.count()), whole + seconds{15});
}

void RestEngine::start(const std::string& id) {
    act_on(Call::start, "start", id, true);
}

// The answer tells of this one run; only inspect tells what podman makes of it.
void RestEngine::run_health_check(const std::string& id, milliseconds deadline) {
    act_on(Call::run_health_check, "run the health check of", id, false, {}, deadline);
}

std::string RestEngine::create(const ContainerSpec& spec) {
    const auto act = "create container " + spec.name;
    auto id = read_id(body_of({.call = Call::create, .act = act, .body = create_body(spec)}), act);
    remember(id, spec.name);
    return id;
}

Volume RestEngine::create_volume(const VolumeSpec& spec) {
    const auto act = "create volume " + spec.name;
    // Without a name podman would make one up.
    if (!may_be_a_name(spec.name))
        throw Error(ExitCode::podman, fmt::format("can't {}: podman allows no such name", act));
    auto made =
        read_volume(body_of({.call = Call::create_volume, .act = act, .body = volume_body(spec)}), act);
    if (made.name != spec.name)
        throw Error(ExitCode::podman, fmt::format("asked to {}, podman made {}", act, made.name));
    return made;
}

void RestEngine::delete_volume(const std::string& name) {
    const auto act = "remove volume " + name;
    if (!may_be_a_name(name))
        throw Error(ExitCode::podman, fmt::format("can't {}: podman allows no such name", act));
    static_cast<void>(body_of({.call = Call::delete_volume, .object = name, .act = act}));
}

void RestEngine::remove(const std::string& id) {
    const auto act = "remove " + titled(id);
    check_name(id, act);
    const auto answer = ask({.call = Call::remove,
                             .object = id,
                             .act = act,
                             .query = "force=true&timeout=0&volumes=true",
                             .repeatable = true});
    if (answer.status / 100 != 2 && !says_no_such_container(answer.status, answer.body))
        throw refusal(answer.status, answer.body, act, call_text(Call::remove));
    const std::lock_guard lock(mutex_);
    names_.erase(id);
}

std::string RestEngine::logs(const std::string& id) {
    const auto act = "read the log of " + titled(id);
    check_name(id, act);
    Frames frames;
    frames.take(body_of({.call = Call::logs,
                         .object = id,
                         .act = act,
                         .query = "follow=false&stdout=true&stderr=true&tail=50"}));
    return frames.text();
}

ExecResult RestEngine::exec(const std::string& id, const std::vector<std::string>& argv, seconds timeout) {
    const auto end = std::chrono::steady_clock::now() + timeout;
    const auto act = "run a command in " + titled(id);
    check_name(id, act);
    const auto session =
        read_id(body_of({.call = Call::exec_create, .object = id, .act = act, .body = exec_body(argv)}), act);
    Frames frames;
    const auto run = [&] {
        body_of({.call = Call::exec_start,
                 .object = session,
                 .act = act,
                 .body = exec_start_body(),
                 .deadline = std::max(milliseconds{0}, std::chrono::ceil<milliseconds>(
                                                           end - std::chrono::steady_clock::now())) +
                             milliseconds{1},
                 .on_body = [&](std::string_view piece) { frames.take(piece); }});
    };
    try {
        run();
    } catch (const Error&) {
        if (std::chrono::steady_clock::now() < end)
            throw;
        throw Error(ExitCode::podman,
                    fmt::format("the command in {} did not end within {} s", titled(id), timeout.count()),
                    "it may still run in the container; raise the hook's timeout if it needs longer");
    }
    return {.exit_code = exit_code(session, act, end), .output = frames.text()};
}

// The end of the stream has no mark of its own: only podman's word that the command ended counts.
int RestEngine::exit_code(const std::string& session, const std::string& act,
                          std::chrono::steady_clock::time_point end) const {
    end = std::max(end, std::chrono::steady_clock::now() + seconds{2});
    while (true) {
        const auto state =
            read_exec(body_of({.call = Call::exec_inspect, .object = session, .act = act}), act);
        if (!state.running)
            return state.exit_code;
        if (std::chrono::steady_clock::now() >= end)
            throw Error(ExitCode::podman,
                        fmt::format("can't {}: its output ended, but the command still runs", act),
                        "raise the hook's timeout, or let the command wait for what it starts");
        std::this_thread::sleep_for(milliseconds{50});
    }
}

} // namespace miraclemax::podman
