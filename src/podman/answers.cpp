#include "podman/answers.hpp"

#include "error.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>

namespace miraclemax::podman {

namespace {

using Json = nlohmann::json;

// An object inside podman's answer, with the words for what is wrong with it.
class Object {
public:
    Object(const Json& json, const std::string& act) : json_(json), act_(act) {
        if (!json_.is_object())
            throw wrong("an object is missing");
    }

    [[nodiscard]] std::string text(const char* key) const {
        const Json* value = at(key);
        if (value == nullptr)
            return {};
        if (!value->is_string())
            throw wrong(key);
        return value->get<std::string>();
    }
    [[nodiscard]] std::string needed_text(const char* key) const {
        auto value = text(key);
        if (value.empty())
            throw wrong(key);
        return value;
    }
    [[nodiscard]] bool flag(const char* key, bool otherwise = false) const {
        const Json* value = at(key);
        if (value == nullptr)
            return otherwise;
        if (!value->is_boolean())
            throw wrong(key);
        return value->get<bool>();
    }
    [[nodiscard]] std::int64_t number(const char* key, std::int64_t otherwise) const {
        const Json* value = at(key);
        if (value == nullptr)
            return otherwise;
        if (value->is_number_unsigned() && value->get<std::uint64_t>() > INT64_MAX)
            return INT64_MAX;
        if (!value->is_number_integer())
            throw wrong(key);
        return value->get<std::int64_t>();
    }
    [[nodiscard]] std::vector<std::string> texts(const char* key) const {
        std::vector<std::string> all;
        const Json* value = at(key);
        if (value == nullptr)
            return all;
        if (!value->is_array())
            throw wrong(key);
        for (const auto& item : *value) {
            if (!item.is_string())
                throw wrong(key);
            all.push_back(item.get<std::string>());
        }
        return all;
    }
    [[nodiscard]] std::map<std::string, std::string> pairs(const char* key) const {
        std::map<std::string, std::string> all;
        const Json* value = at(key);
        if (value == nullptr)
            return all;
        if (!value->is_object())
            throw wrong(key);
        for (const auto& [name, item] : value->items()) {
            if (!item.is_string())
                throw wrong(key);
            all[name] = item.get<std::string>();
        }
        return all;
    }
    // An empty object where there is none.
    [[nodiscard]] Object object(const char* key) const {
        static const Json nothing = Json::object();
        const Json* value = at(key);
        return {value == nullptr ? nothing : *value, act_};
    }
    [[nodiscard]] std::vector<Object> objects(const char* key) const {
        std::vector<Object> all;
        const Json* value = at(key);
        if (value == nullptr)
            return all;
        if (!value->is_array())
            throw wrong(key);
        for (const auto& item : *value)
            all.emplace_back(item, act_);
        return all;
    }

    [[nodiscard]] Error wrong(const std::string& what) const {
        return {ExitCode::podman, fmt::format("can't {}: podman's answer makes no sense ({})", act_, what)};
    }

private:
    [[nodiscard]] const Json* at(const char* key) const {
        const auto found = json_.find(key);
        return found == json_.end() || found->is_null() ? nullptr : &*found;
    }

    const Json& json_;
    const std::string& act_;
};

Json parsed(const std::string& body, const std::string& act) {
    auto json = Json::parse(body, nullptr, false);
    if (json.is_discarded())
        throw Error(ExitCode::podman, fmt::format("can't {}: podman's answer is not JSON", act),
                    "check that the path is podman's socket");
    return json;
}

// Podman writes null for an empty list in places.
Json parsed_list(const std::string& body, const std::string& act) {
    auto json = parsed(body, act);
    if (json.is_null())
        return Json::array();
    if (!json.is_array())
        throw Error(ExitCode::podman, fmt::format("can't {}: podman's answer is not a list", act));
    return json;
}

State state_named(const std::string& name) {
    for (const auto state : {State::created, State::initialized, State::running, State::paused,
                             State::stopping, State::stopped, State::exited, State::removing})
        if (name == name_of(state))
            return state;
    return State::unknown;
}

Volume volume_from(const Object& object) {
    return {.name = object.needed_text("Name"),
            .driver = object.text("Driver"),
            .mountpoint = object.text("Mountpoint"),
            .created_at = object.text("CreatedAt"),
            .labels = object.pairs("Labels"),
            .options = object.pairs("Options"),
            .needs_copy_up = object.flag("NeedsCopyUp"),
            .needs_chown = object.flag("NeedsChown"),
            .anonymous = object.flag("Anonymous")};
}

Mount mount_from(const Object& object) {
    return {.type = object.text("Type"),
            .name = object.text("Name"),
            .source = object.text("Source"),
            .destination = object.text("Destination"),
            .options = object.texts("Options"),
            .writable = object.flag("RW", true)};
}

// In nanoseconds. What an image leaves out is zero, and podman's default then.
void set_duration(std::chrono::milliseconds& value, const Object& object, const char* key) {
    if (const auto nanoseconds = object.number(key, 0); nanoseconds > 0)
        value = std::chrono::ceil<std::chrono::milliseconds>(std::chrono::nanoseconds(nanoseconds));
}

HealthCheck health_check_from(const Object& config, const Object& health) {
    HealthCheck check;
    set_duration(check.interval, config, "Interval");
    set_duration(check.timeout, config, "Timeout");
    set_duration(check.start_period, config, "StartPeriod");
    const auto count = [](std::int64_t number) {
        return static_cast<int>(std::clamp<std::int64_t>(number, 0, 1'000'000));
    };
    if (const auto retries = config.number("Retries", 0); retries > 0)
        check.retries = count(retries);
    check.failing = count(health.number("FailingStreak", 0));
    for (const auto& run : health.objects("Log"))
        check.last_run = run.text("Start");
    return check;
}

} // namespace

Info read_info(const std::string& body, const std::string& act) {
    const auto json = parsed(body, act);
    const Object info(json, act);
    const auto host = info.object("host");
    const auto security = host.object("security");
    return {.version = info.object("version").text("Version"),
            .volume_path = info.object("store").text("volumePath"),
            .cgroup_version = host.text("cgroupVersion"),
            .runtime = host.object("ociRuntime").text("name"),
            .hostname = host.text("hostname"),
            .rootless = security.flag("rootless"),
            .selinux = security.flag("selinuxEnabled")};
}

Volume read_volume(const std::string& body, const std::string& act) {
    const auto json = parsed(body, act);
    return volume_from(Object(json, act));
}

std::vector<Volume> read_volumes(const std::string& body, const std::string& act) {
    const auto json = parsed_list(body, act);
    std::vector<Volume> all;
    for (const auto& item : json)
        all.push_back(volume_from(Object(item, act)));
    std::sort(all.begin(), all.end(), [](const Volume& a, const Volume& b) { return a.name < b.name; });
    return all;
}

Container read_container(const std::string& body, const std::string& act) {
    const auto json = parsed(body, act);
    const Object object(json, act);
    const auto state = object.object("State");
    const auto config = object.object("Config");
    const auto host = object.object("HostConfig");
    // A stop timeout is an unsigned number without a bound: more than a year means "for ever".
    const auto timeout = std::clamp<std::int64_t>(config.number("StopTimeout", 10), 0, 366L * 24 * 3600);
    // Healthcheck: the key before podman 4.3.
    const auto health =
        state.object(state.object("Health").text("Status").empty() ? "Healthcheck" : "Health");
    Container container{.id = object.needed_text("Id"),
                        .name = object.needed_text("Name"),
                        .image_id = object.text("Image"),
                        .pod = object.text("Pod"),
                        .infra = object.flag("IsInfra"),
                        .auto_remove = host.flag("AutoRemove"),
                        .state = state_named(state.text("Status")),
                        .started_at = state.text("StartedAt"),
                        .dependencies = object.texts("Dependencies"),
                        .labels = config.pairs("Labels"),
                        .stop_timeout = std::chrono::seconds(timeout),
                        .network_mode = host.text("NetworkMode"),
                        .health = health.text("Status"),
                        .health_check = health_check_from(config.object("Healthcheck"), health)};
    for (const auto& mount : object.objects("Mounts"))
        container.mounts.push_back(mount_from(mount));
    return container;
}

std::vector<std::string> read_container_ids(const std::string& body, const std::string& act) {
    const auto json = parsed_list(body, act);
    std::vector<std::string> all;
    for (const auto& item : json)
        all.push_back(Object(item, act).needed_text("Id"));
    return all;
}

std::string read_id(const std::string& body, const std::string& act) {
    const auto json = parsed(body, act);
    return Object(json, act).needed_text("Id");
}

ExecState read_exec(const std::string& body, const std::string& act) {
    const auto json = parsed(body, act);
    const Object object(json, act);
    return {.running = object.flag("Running"), .exit_code = static_cast<int>(object.number("ExitCode", 0))};
}

} // namespace miraclemax::podman
