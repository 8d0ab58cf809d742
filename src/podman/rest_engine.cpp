#include "podman/rest_engine.hpp"

#include "podman/answers.hpp"
#include "podman/bodies.hpp"
#include "podman/failure.hpp"
#include "podman/parallel.hpp"
#include "podman/rest_calls.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace miraclemax::podman {

namespace {

using std::chrono::milliseconds;

// Of the parts of one call.
class Deadlines {
public:
    explicit Deadlines(const Limits& limits) : limits_(limits) {}

    [[nodiscard]] milliseconds next() const {
        if (limits_.all.count() == 0)
            return limits_.each;
        const auto gone = std::chrono::floor<milliseconds>(std::chrono::steady_clock::now() - begun_);
        const auto left = std::max(milliseconds{1}, limits_.all - gone);
        return limits_.each.count() == 0 ? left : std::min(limits_.each, left);
    }

private:
    const Limits limits_;
    const std::chrono::steady_clock::time_point begun_ = std::chrono::steady_clock::now();
};

} // namespace

bool may_be_a_name(const std::string& name) {
    static constexpr std::string_view first =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    return !name.empty() && first.find(name.front()) != std::string_view::npos &&
           std::all_of(name.begin(), name.end(), [](char letter) {
               return first.find(letter) != std::string_view::npos ||
                      std::string_view("_.-").find(letter) != std::string_view::npos;
           });
}

std::string call_text(Call call) {
    return fmt::format("{} {}", endpoint(call).method, endpoint(call).path);
}

Answer RestEngine::ask(Question question, bool wait_for_socket) const {
    const std::string method = endpoint(question.call).method;
    return connection_.send({.method = method,
                             .path = path_of(question.call, question.object, question.query),
                             .body = std::move(question.body),
                             .act = std::move(question.act),
                             .deadline = question.deadline,
                             .repeatable = question.repeatable || (method == "GET" && !question.on_body),
                             .wait_for_socket = wait_for_socket,
                             .on_body = std::move(question.on_body)});
}

std::string RestEngine::body_of(Question question) const {
    const auto call = question.call;
    const auto act = question.act;
    auto answer = ask(std::move(question));
    if (answer.status / 100 != 2)
        throw refusal(answer.status, answer.body, act, call_text(call));
    return std::move(answer.body);
}

void RestEngine::greet() {
    const std::string act = "talk to podman";
    const auto answer = ask({.call = Call::ping, .act = act}, false);
    if (answer.status != 200)
        throw refusal(answer.status, answer.body, act, call_text(Call::ping));
    const auto& version = answer.libpod_version;
    if (version.empty())
        throw Error(ExitCode::podman,
                    fmt::format("what answers on {} is not podman", connection_.options().socket),
                    "name podman's socket in the configuration or in CONTAINER_HOST, such as "
                    "unix:///run/podman/podman.sock");
    int major = 0;
    std::from_chars(version.data(), version.data() + version.size(), major);
    if (major < 4)
        throw Error(ExitCode::podman,
                    fmt::format("podman {} on {} is too old", version, connection_.options().socket),
                    "podman 4.0 or newer is needed");
}

Info RestEngine::info() {
    const std::string act = "ask podman about itself";
    return read_info(body_of({.call = Call::info, .act = act}), act);
}

std::vector<Volume> RestEngine::volumes() {
    const std::string act = "list volumes";
    return read_volumes(body_of({.call = Call::list_volumes, .act = act}), act);
}

std::optional<Volume> RestEngine::volume(const std::string& name) {
    if (!may_be_a_name(name))
        return std::nullopt;
    const auto act = "inspect volume " + name;
    const auto answer = ask({.call = Call::inspect_volume, .object = name, .act = act});
    if (says_no_such(answer.status, answer.body))
        return std::nullopt;
    if (answer.status != 200)
        throw refusal(answer.status, answer.body, act, call_text(Call::inspect_volume));
    auto found = read_volume(answer.body, act);
    if (found.name != name)
        return std::nullopt;
    return found;
}

// One container that podman holds locked must not make all the others wait.
std::vector<Container> RestEngine::inspected(const std::string& query, const char* act,
                                             const Limits& limits) {
    const Deadlines deadlines(limits);
    const auto ids = read_container_ids(
        body_of({.call = Call::list_containers, .act = act, .query = query, .deadline = deadlines.next()}),
        act);
    std::vector<std::optional<Container>> found(ids.size());
    in_parallel(ids.size(), [&](std::size_t i) { found[i] = inspect(ids[i], deadlines.next()); });
    std::vector<Container> all;
    for (auto& one : found)
        if (one)
            all.push_back(std::move(*one));
    std::sort(all.begin(), all.end(), [](const Container& a, const Container& b) { return a.name < b.name; });
    return all;
}

std::vector<Container> RestEngine::containers(const Limits& limits) {
    return inspected("all=true", "list containers", limits);
}

std::vector<Container> RestEngine::containers_labelled(const std::string& label) {
    auto all =
        inspected("all=true&filters=" + percent_encoded(label_filter(label)), "list containers by label", {});
    // A "*" in podman's filter is a wildcard, so what it found is compared once more.
    const auto equals = label.find('=');
    const auto key = label.substr(0, equals);
    const auto differs = [&](const Container& container) {
        const auto found = container.labels.find(key);
        return found == container.labels.end() ||
               (equals != std::string::npos && found->second != label.substr(equals + 1));
    };
    all.erase(std::remove_if(all.begin(), all.end(), differs), all.end());
    return all;
}

std::optional<Container> RestEngine::container(const std::string& id) {
    return inspect(id, {});
}

std::optional<Container> RestEngine::inspect(const std::string& id, std::chrono::milliseconds deadline) {
    if (!may_be_a_name(id))
        return std::nullopt;
    const auto act = "inspect " + titled(id);
    const auto answer =
        ask({.call = Call::inspect_container, .object = id, .act = act, .deadline = deadline});
    if (says_no_such_container(answer.status, answer.body))
        return std::nullopt;
    if (answer.status != 200)
        throw refusal(answer.status, answer.body, act, call_text(Call::inspect_container));
    auto found = read_container(answer.body, act);
    remember(found.id, found.name);
    return found;
}

bool RestEngine::image_exists(const std::string& image) {
    const auto act = "look for image " + image;
    if (image.empty() || image.find("..") != std::string::npos)
        return false;
    const auto answer = ask({.call = Call::image_exists, .object = image, .act = act});
    if (answer.status == 204)
        return true;
    // With a cause of its own in 4.3; in plain text it would be the 404 of a filter.
    if (answer.status == 404 && answer.content_type.rfind("application/json", 0) == 0)
        return false;
    throw refusal(answer.status, answer.body, act, call_text(Call::image_exists));
}

std::string RestEngine::titled(const std::string& id) const {
    const std::lock_guard lock(mutex_);
    const auto found = names_.find(id);
    if (found != names_.end())
        return "container " + found->second;
    const bool is_id = id.size() == 64 && id.find_first_not_of("0123456789abcdef") == std::string::npos;
    return "container " + (is_id ? id.substr(0, 12) : id);
}

void RestEngine::remember(const std::string& id, const std::string& name) {
    const std::lock_guard lock(mutex_);
    if (names_.size() > 10'000) // a sidecar runs for months
        names_.clear();
    names_[id] = name;
}

void RestEngine::check_name(const std::string& id, const std::string& act) {
    if (!may_be_a_name(id))
        throw Error(ExitCode::not_found, fmt::format("can't {}: no such container", act));
}

std::unique_ptr<Engine> connect_on_use(ConnectionOptions options) {
    return std::make_unique<RestEngine>(std::move(options));
}

std::unique_ptr<Engine> connect(ConnectionOptions options) {
    auto engine = std::make_unique<RestEngine>(std::move(options));
    engine->greet();
    return engine;
}

} // namespace miraclemax::podman
