// A host in memory for the tests of this room.
#pragma once

#include "component/group.hpp"
#include "fakes/fake_engine.hpp"
#include "quiesce/freeze_plan.hpp"
#include "quiesce/journal.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include <unistd.h>

namespace miraclemax::quiesce {

class Folder {
public:
    Folder() {
        // In memory where possible: thousands of fsyncs on a disk would take minutes.
        const std::filesystem::path memory = "/dev/shm";
        const auto base =
            ::access(memory.c_str(), W_OK) == 0 ? memory : std::filesystem::temp_directory_path();
        std::string name = (base / "mm-quiesce-XXXXXX").string();
        if (::mkdtemp(name.data()) == nullptr)
            throw std::runtime_error("mkdtemp");
        path_ = name;
    }
    ~Folder() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    [[nodiscard]] const std::filesystem::path& path() const { return path_; }
    [[nodiscard]] std::vector<std::string> files() const {
        std::vector<std::string> names;
        for (const auto& entry : std::filesystem::directory_iterator(path_))
            names.push_back(entry.path().filename().string());
        std::sort(names.begin(), names.end());
        return names;
    }

private:
    std::filesystem::path path_;
};

inline std::string content_of(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

inline void put(const std::filesystem::path& path, const std::string& content) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << content;
}

inline podman::Volume a_volume(const std::string& name) {
    return {.name = name, .driver = "local", .mountpoint = "/vol/" + name + "/_data"};
}

// Mounts volume `volume` writably.
inline podman::Container a_container(const std::string& name, const std::string& volume) {
    podman::Container container{.name = name};
    container.mounts.push_back({.type = "volume",
                                .name = volume,
                                .source = "/vol/" + volume + "/_data",
                                .destination = "/data",
                                .writable = true});
    return container;
}

inline component::Component a_component(const std::string& volume,
                                        component::Quiesce quiesce = component::Quiesce::automatic) {
    component::Component component;
    component.name = volume;
    component.category = "volumes";
    component.quiesce = quiesce;
    component.group = "all";
    component.source.path = "/vol/" + volume + "/_data";
    component.source.volume = volume;
    component.source.driver = "local";
    return component;
}

inline component::Group group_of(fakes::FakeEngine& engine,
                                 const std::vector<component::Component>& components,
                                 const std::optional<std::string>& self = std::nullopt) {
    const auto groups = component::group(components, engine.containers(), self);
    if (groups.size() != 1)
        throw std::runtime_error("not one group");
    return groups.front();
}

inline FreezeFacts facts_of(fakes::FakeEngine& engine) {
    return {.info = engine.info(), .containers = engine.containers(), .volumes = engine.volumes()};
}

inline Entry entry_of(const podman::Container& container, Act act) {
    return {.id = container.id, .name = container.name, .act = act, .started_at = container.started_at};
}

// "stop app | stop db | pause web"
inline std::string shape_of(const FreezePlan& plan) {
    std::string text;
    for (const auto& stage : plan.stages) {
        text += text.empty() ? "" : " | ";
        for (const auto& step : stage)
            text += std::string(&step == &stage.front() ? "" : ", ") + name_of(step.act) + " " + step.name;
    }
    return text;
}

inline std::string all_of(const std::vector<std::string>& texts) {
    std::string text;
    for (const auto& one : texts)
        text += one + "\n";
    return text;
}

} // namespace miraclemax::quiesce
