#include "fakes/fake_engine.hpp"

#include <fmt/format.h>

#include <functional>

namespace miraclemax::fakes {

using podman::Container;
using podman::State;

namespace {

Error no_such_container(const std::string& id) {
    return {ExitCode::not_found, fmt::format("no such container: {}", id)};
}

} // namespace

void FakeEngine::set_info(podman::Info info) {
    const std::lock_guard lock(mutex_);
    info_ = std::move(info);
}

void FakeEngine::add_volume(podman::Volume volume) {
    const std::lock_guard lock(mutex_);
    if (volume.driver.empty())
        volume.driver = "local";
    if (volume.mountpoint.empty() && volume.driver == "local")
        volume.mountpoint = info_.volume_path + "/" + volume.name + "/_data";
    if (volume.created_at.empty())
        volume.created_at = new_time();
    volumes_[volume.name] = std::move(volume);
}

void FakeEngine::remove_volume(const std::string& name) {
    const std::lock_guard lock(mutex_);
    volumes_.erase(name);
}

void FakeEngine::add_image(const std::string& image) {
    const std::lock_guard lock(mutex_);
    images_.insert(image);
}

std::string FakeEngine::add_container(Container container) {
    const std::lock_guard lock(mutex_);
    if (container.id.empty())
        container.id = new_id(container.name);
    if (container.image_id.empty())
        container.image_id = std::string(64, 'a');
    if (container.state == State::unknown)
        container.state = State::running;
    if (container.started_at.empty())
        container.started_at = new_time();
    if (container.network_mode.empty())
        container.network_mode = "bridge";
    auto id = container.id;
    containers_[container.name] = std::move(container);
    return id;
}

void FakeEngine::change(const std::string& name, const std::function<void(Container&)>& change) {
    const std::lock_guard lock(mutex_);
    change(need(name));
}

void FakeEngine::vanish(const std::string& name) {
    const std::lock_guard lock(mutex_);
    erase(name);
}

std::string FakeEngine::recreate(const std::string& name) {
    const std::lock_guard lock(mutex_);
    Container& container = need(name);
    container.id = new_id(name);
    container.started_at = new_time();
    container.state = State::running;
    return container.id;
}

void FakeEngine::set_logs(const std::string& name, std::string text) {
    const std::lock_guard lock(mutex_);
    logs_[name] = std::move(text);
}

void FakeEngine::on_call(Hook hook) {
    const std::lock_guard lock(mutex_);
    hook_ = std::move(hook);
}

void FakeEngine::on_exec(Exec handler) {
    const std::lock_guard lock(mutex_);
    exec_ = std::move(handler);
}

void FakeEngine::fail_next(const std::string& call, const std::string& name, Error error, int times,
                           Effect effect) {
    const std::lock_guard lock(mutex_);
    failures_.push_back({call, name, std::move(error), times, effect});
}

void FakeEngine::interrupt_next_stop(const std::string& name) {
    const std::lock_guard lock(mutex_);
    interrupted_.insert(name);
}

Container FakeEngine::look(const std::string& name) const {
    const std::lock_guard lock(mutex_);
    const Container* found = find(name);
    if (found == nullptr)
        throw no_such_container(name);
    return *found;
}

bool FakeEngine::exists(const std::string& name) const {
    const std::lock_guard lock(mutex_);
    return find(name) != nullptr;
}

std::vector<std::string> FakeEngine::calls() const {
    const std::lock_guard lock(mutex_);
    return calls_;
}

podman::Limits FakeEngine::last_limits() const {
    const std::lock_guard lock(mutex_);
    return last_limits_;
}

void FakeEngine::forget_calls() {
    const std::lock_guard lock(mutex_);
    calls_.clear();
}

std::vector<podman::ContainerSpec> FakeEngine::created() const {
    const std::lock_guard lock(mutex_);
    return created_;
}

const Container* FakeEngine::find(const std::string& id) const {
    if (id.empty())
        return nullptr;
    if (const auto named = containers_.find(id); named != containers_.end())
        return &named->second;
    const Container* found = nullptr;
    for (const auto& [name, container] : containers_) {
        if (container.id.compare(0, id.size(), id) != 0)
            continue;
        if (found != nullptr)
            return nullptr;
        found = &container;
    }
    return found;
}

Container* FakeEngine::find(const std::string& id) {
    return const_cast<Container*>(std::as_const(*this).find(id));
}

Container& FakeEngine::need(const std::string& id) {
    Container* found = find(id);
    if (found == nullptr)
        throw no_such_container(id);
    return *found;
}

void FakeEngine::erase(const std::string& id) {
    if (const Container* found = find(id))
        containers_.erase(std::string(found->name));
}

std::string FakeEngine::new_id(const std::string& name) {
    ++made_;
    return fmt::format("{:016x}{:048x}", std::hash<std::string>{}(fmt::format("{}/{}", name, made_)), made_);
}

std::string FakeEngine::new_time() {
    return fmt::format("2025-10-16T03:00:00.{:09}Z", ++made_);
}

} // namespace miraclemax::fakes
