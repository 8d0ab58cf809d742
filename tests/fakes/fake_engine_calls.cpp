#include "fakes/fake_engine.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace miraclemax::fakes {

using podman::Container;
using podman::State;

namespace {

Error refused(const std::string& act, const Container& container) {
    return {ExitCode::podman,
            fmt::format("podman refused to {} container {}: it is {}: container state improper", act,
                        container.name, podman::name_of(container.state))};
}

} // namespace

// Every call goes through here: log, hook, failure, the act itself under the lock, hook.
void FakeEngine::perform(const std::string& call, const std::string& id, const std::string& log,
                         const std::function<void()>& act) {
    std::string name;
    Hook hook;
    std::optional<Failure> failure;
    {
        const std::lock_guard lock(mutex_);
        name = name_for(id);
        if (!log.empty())
            calls_.push_back(call + " " + name + (log == call ? "" : " " + log));
        hook = hook_;
        failure = take_failure(call, name);
    }
    if (hook)
        hook(Moment::before, call, name);
    if (failure && failure->effect == Effect::none)
        throw failure->error;
    act();
    if (hook)
        hook(Moment::after, call, name);
    if (failure)
        throw failure->error;
}

std::optional<FakeEngine::Failure> FakeEngine::take_failure(const std::string& call,
                                                            const std::string& name) {
    const auto found = std::find_if(failures_.begin(), failures_.end(), [&](const Failure& failure) {
        return failure.call == call && (failure.name.empty() || failure.name == name);
    });
    if (found == failures_.end())
        return std::nullopt;
    auto failure = *found;
    if (--found->times <= 0)
        failures_.erase(found);
    return failure;
}

std::string FakeEngine::name_for(const std::string& id) const {
    const Container* found = find(id);
    return found != nullptr ? found->name : id;
}

podman::Info FakeEngine::info() {
    podman::Info answer;
    perform("info", "", "", [&] {
        const std::lock_guard lock(mutex_);
        answer = info_;
    });
    return answer;
}

std::vector<podman::Volume> FakeEngine::volumes() {
    std::vector<podman::Volume> answer;
    perform("volumes", "", "", [&] {
        const std::lock_guard lock(mutex_);
        for (const auto& [name, volume] : volumes_)
            answer.push_back(volume);
    });
    return answer;
}

std::optional<podman::Volume> FakeEngine::volume(const std::string& name) {
    std::optional<podman::Volume> answer;
    perform("volume", name, "", [&] {
        const std::lock_guard lock(mutex_);
        if (const auto found = volumes_.find(name); found != volumes_.end())
            answer = found->second;
    });
    return answer;
}

podman::Volume FakeEngine::create_volume(const podman::VolumeSpec& spec) {
    podman::Volume answer;
    perform("create_volume", spec.name, "create_volume", [&] {
        const std::lock_guard lock(mutex_);
        if (volumes_.count(spec.name) != 0)
            throw Error(ExitCode::podman, fmt::format("podman refused to create volume {}: volume with name "
                                                      "{} already exists: volume already exists",
                                                      spec.name, spec.name));
        answer = {.name = spec.name,
                  .driver = spec.driver.empty() ? "local" : spec.driver,
                  .mountpoint = info_.volume_path + "/" + spec.name + "/_data",
                  .created_at = new_time(),
                  .labels = spec.labels,
                  .options = spec.options,
                  .needs_copy_up = true,
                  .needs_chown = true};
        volumes_[spec.name] = answer;
    });
    return answer;
}

void FakeEngine::delete_volume(const std::string& name) {
    perform("delete_volume", name, "delete_volume", [&] {
        const std::lock_guard lock(mutex_);
        if (volumes_.count(name) == 0)
            throw Error(ExitCode::not_found, "podman refused to remove volume " + name + ": no such volume");
        for (const auto& [user, container] : containers_)
            for (const auto& mount : container.mounts)
                if (mount.type == "volume" && mount.name == name)
                    throw Error(ExitCode::podman, fmt::format("podman refused to remove volume {}: it is "
                                                              "being used by container {}",
                                                              name, user));
        volumes_.erase(name);
    });
}

std::vector<Container> FakeEngine::containers(const podman::Limits& limits) {
    std::vector<Container> answer;
    perform("containers", "", "", [&] {
        const std::lock_guard lock(mutex_);
        last_limits_ = limits;
        for (const auto& [name, container] : containers_)
            answer.push_back(container);
    });
    return answer;
}

std::vector<Container> FakeEngine::containers_labelled(const std::string& label) {
    std::vector<Container> answer;
    const auto equals = label.find('=');
    const auto key = label.substr(0, equals);
    perform("containers_labelled", "", "", [&] {
        const std::lock_guard lock(mutex_);
        for (const auto& [name, container] : containers_) {
            const auto found = container.labels.find(key);
            if (found == container.labels.end())
                continue;
            if (equals == std::string::npos || found->second == label.substr(equals + 1))
                answer.push_back(container);
        }
    });
    return answer;
}

std::optional<Container> FakeEngine::container(const std::string& id) {
    std::optional<Container> answer;
    perform("container", id, "", [&] {
        const std::lock_guard lock(mutex_);
        if (const Container* found = find(id))
            answer = *found;
    });
    return answer;
}

bool FakeEngine::image_exists(const std::string& image) {
    bool answer = false;
    perform("image_exists", image, "", [&] {
        const std::lock_guard lock(mutex_);
        answer = images_.empty() || images_.count(image) != 0;
    });
    return answer;
}

void FakeEngine::pause(const std::string& id) {
    perform("pause", id, "pause", [&] {
        const std::lock_guard lock(mutex_);
        Container& container = need(id);
        if (container.state != State::running)
            throw refused("pause", container);
        container.state = State::paused;
    });
}

void FakeEngine::unpause(const std::string& id) {
    perform("unpause", id, "unpause", [&] {
        const std::lock_guard lock(mutex_);
        Container& container = need(id);
        if (container.state != State::paused)
            throw refused("unpause", container);
        container.state = State::running;
    });
}

void FakeEngine::stop(const std::string& id, std::chrono::seconds) {
    perform("stop", id, "stop", [&] {
        const std::lock_guard lock(mutex_);
        Container& container = need(id);
        if (container.state == State::paused || container.state == State::removing)
            throw refused("stop", container);
        if (container.state != State::running && container.state != State::stopping)
            return;
        if (interrupted_.erase(container.name) != 0) {
            container.state = State::stopping;
            throw Error(ExitCode::podman,
                        fmt::format("podman's answer to stop container {} was cut", container.name));
        }
        container.state = State::exited;
        if (container.auto_remove)
            erase(container.name);
    });
}

void FakeEngine::start(const std::string& id) {
    perform("start", id, "start", [&] {
        const std::lock_guard lock(mutex_);
        start_now(need(id), 0);
    });
}

void FakeEngine::run_health_check(const std::string& id, std::chrono::milliseconds) {
    perform("run_health_check", id, "run_health_check", [&] {
        const std::lock_guard lock(mutex_);
        const Container& container = need(id);
        if (container.state != State::running || container.health.empty())
            throw refused("run the health check of", container);
    });
}

void FakeEngine::start_now(Container& container, int depth) {
    if (container.state == State::running)
        return;
    if (container.state == State::paused || container.state == State::stopping ||
        container.state == State::removing || depth > 32)
        throw refused("start", container);
    for (const auto& dependency : container.dependencies) {
        Container& needed = need(dependency);
        if (needed.state != State::running && needed.state != State::paused)
            start_now(needed, depth + 1);
    }
    container.state = State::running;
    container.started_at = new_time();
}

std::string FakeEngine::create(const podman::ContainerSpec& spec) {
    std::string id;
    perform("create", spec.name, "create", [&] {
        const std::lock_guard lock(mutex_);
        if (containers_.count(spec.name) != 0)
            throw Error(ExitCode::podman, fmt::format("podman refused to create container {}: that name is "
                                                      "already in use",
                                                      spec.name));
        if (!images_.empty() && images_.count(spec.image) == 0)
            throw Error(ExitCode::not_found,
                        fmt::format("podman refused to create container {}: {}: image not "
                                    "known",
                                    spec.name, spec.image));
        Container made{.id = new_id(spec.name),
                       .name = spec.name,
                       .image_id = spec.image,
                       .state = State::created,
                       .labels = spec.labels,
                       .stop_timeout = std::chrono::seconds(1),
                       .network_mode = "none"};
        for (const auto& bind : spec.binds)
            made.mounts.push_back({.type = "bind",
                                   .source = bind.source,
                                   .destination = bind.destination,
                                   .options = {"rbind"},
                                   .writable = !bind.read_only});
        for (const auto& volume : spec.volumes) {
            auto& known = volumes_[volume.name];
            if (known.name.empty())
                known = {.name = volume.name,
                         .driver = "local",
                         .mountpoint = info_.volume_path + "/" + volume.name + "/_data",
                         .created_at = new_time()};
            made.mounts.push_back({.type = "volume",
                                   .name = volume.name,
                                   .source = known.mountpoint,
                                   .destination = volume.destination,
                                   .options = {"nocopy"},
                                   .writable = !volume.read_only});
        }
        id = made.id;
        created_.push_back(spec);
        containers_[spec.name] = std::move(made);
    });
    return id;
}

void FakeEngine::remove(const std::string& id) {
    perform("remove", id, "remove", [&] {
        const std::lock_guard lock(mutex_);
        const Container* found = find(id);
        if (found == nullptr)
            return;
        for (const auto& [name, container] : containers_) {
            const auto& needs = container.dependencies;
            if (std::find(needs.begin(), needs.end(), found->id) != needs.end())
                throw Error(ExitCode::podman, fmt::format("podman refused to remove container {}: {} depends "
                                                          "on it: container already exists",
                                                          found->name, name));
        }
        erase(id);
    });
}

std::string FakeEngine::logs(const std::string& id) {
    std::string answer;
    perform("logs", id, "", [&] {
        const std::lock_guard lock(mutex_);
        if (const auto found = logs_.find(need(id).name); found != logs_.end())
            answer = found->second;
    });
    return answer;
}

podman::ExecResult FakeEngine::exec(const std::string& id, const std::vector<std::string>& argv,
                                    std::chrono::seconds timeout) {
    podman::ExecResult answer;
    std::string words;
    for (const auto& word : argv)
        words += (words.empty() ? "" : " ") + word;
    perform("exec", id, words.empty() ? "exec" : words, [&] {
        Container container;
        Exec handler;
        {
            const std::lock_guard lock(mutex_);
            container = need(id);
            handler = exec_;
        }
        if (container.state != State::running)
            throw refused("run a command in", container);
        if (handler)
            answer = handler(container, argv, timeout);
    });
    return answer;
}

} // namespace miraclemax::fakes
