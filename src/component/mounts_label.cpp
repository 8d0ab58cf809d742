#include "component/choice.hpp"
#include "component/labels.hpp"
#include "component/paths.hpp"
#include "component/spelling.hpp"

#include <nlohmann/json.hpp>

namespace miraclemax::component {
namespace {

using nlohmann::json;

constexpr const char* form = "use a JSON list such as [{\"dest\":\"/data\",\"component\":\"n8n\"}]";

// A label writer may give true or 30 where a string is meant the same.
std::optional<std::string> text_of(const json& value) {
    if (value.is_string())
        return value.get<std::string>();
    if (value.is_boolean())
        return value.get<bool>() ? "true" : "false";
    if (value.is_number_integer())
        return value.dump();
    return std::nullopt;
}

std::optional<std::vector<std::string>> patterns_of(const json& value) {
    if (value.is_string())
        return patterns_from(value.get<std::string>());
    return value.is_array() ? patterns_from(value.dump(-1, ' ', false, json::error_handler_t::replace))
                            : std::nullopt;
}

void take(Saying& saying, const std::string& label, const std::string& key, const json& value) {
    const auto shown = value.is_string() ? "\"" + value.get<std::string>() + "\"" : value.dump();
    const auto what = label + ": " + key + " is " + shown;
    if (key == "exclude") {
        saying.choice.exclude = patterns_of(value);
        if (!saying.choice.exclude)
            saying.faults.push_back({key, what, "use a list of patterns"});
        return;
    }
    auto* const place = value_of(saying.choice, key);
    if (place == nullptr) {
        auto known = choice_words();
        known.emplace_back("dest");
        saying.faults.push_back({"", label + ": unknown word \"" + key + "\"" + did_you_mean(key, known),
                                 "correct it or leave it out"});
        return;
    }
    const auto text = text_of(value);
    const auto wrong = text ? remedy_for(key, *text) : std::optional<std::string>("use a string");
    if (wrong)
        saying.faults.push_back({key, what, *wrong});
    else
        *place = *text;
}

} // namespace

MountsLabel mounts_label(const podman::Container& container) {
    MountsLabel result;
    const auto found = container.labels.find("miraclemax.mounts");
    if (found == container.labels.end())
        return result;
    const auto label = "label miraclemax.mounts of container " + container.name;
    const auto list = json::parse(found->second, nullptr, false);
    if (!list.is_array()) {
        result.faults.push_back({"", label + (list.is_discarded() ? " is no JSON" : " is no list"), form});
        return result;
    }
    for (const auto& entry : list) {
        const auto dest = entry.is_object() ? entry.find("dest") : entry.end();
        if (!entry.is_object() || dest == entry.end() || !dest->is_string() ||
            !dest->get_ref<const std::string&>().starts_with('/')) {
            result.faults.push_back({"", label + ": an entry has no absolute \"dest\"", form});
            continue;
        }
        MountSaying mount{
            .destination = normalised(dest->get<std::string>()),
            .saying = {.from = Saying::From::container, .whose = "label of container " + container.name}};
        for (const auto& [key, value] : entry.items())
            if (key != "dest")
                take(mount.saying, label + ", dest " + mount.destination, key, value);
        result.entries.push_back(std::move(mount));
    }
    return result;
}

} // namespace miraclemax::component
