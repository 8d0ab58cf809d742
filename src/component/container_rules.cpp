#include "component/discovery.hpp"

#include "error.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace miraclemax::component {
namespace {

[[noreturn]] void refuse(const podman::Container& container, const std::string& label,
                         const std::string& value, const std::string& remedy) {
    throw Error(ExitCode::config,
                "label " + label + " of container " + container.name + " is \"" + value + "\"", remedy);
}

bool is_ready_name(const std::string& text) {
    return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
    });
}

Hook hook_of(const podman::Container& container, const std::string& label) {
    const auto found = container.labels.find(label);
    if (found == container.labels.end())
        return {};
    const auto& value = found->second;
    if (is_ready_name(value))
        return {.ready = value};
    const auto list = nlohmann::json::parse(value, nullptr, false);
    Hook hook;
    bool right = list.is_array() && !list.empty();
    if (right)
        for (const auto& word : list) {
            // An argument with a NUL would silently be cut short.
            right = right && word.is_string() &&
                    word.get_ref<const std::string&>().find('\0') == std::string::npos;
            if (right)
                hook.argv.push_back(word.get<std::string>());
        }
    if (!right || hook.argv.front().empty())
        refuse(container, label, value,
               "use a JSON list of strings such as [\"sync\",\"/data\"], or the name of a ready hook");
    return hook;
}

} // namespace

ContainerRules rules_of(const podman::Container& container) {
    ContainerRules rules{.before = hook_of(container, "miraclemax.hook.before"),
                         .after = hook_of(container, "miraclemax.hook.after")};
    if (const auto found = container.labels.find("miraclemax.quiesce"); found != container.labels.end()) {
        rules.quiesce = quiesce_from(found->second);
        if (!rules.quiesce)
            refuse(container, found->first, found->second, "use auto, pause, stop or none");
    }
    if (const auto found = container.labels.find("miraclemax.hook.timeout");
        found != container.labels.end()) {
        const auto timeout = duration_from(found->second);
        if (!timeout)
            refuse(container, found->first, found->second, "use a duration above zero such as 90s or 5m");
        rules.hook_timeout = std::chrono::ceil<std::chrono::seconds>(*timeout);
    }
    return rules;
}

} // namespace miraclemax::component
