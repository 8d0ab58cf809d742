#include "config/yaml_keep.hpp"

#include "component/spelling.hpp"
#include "config/yaml_components.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace miraclemax::config {
namespace {

struct Rule {
    const char* key;
    std::optional<unsigned> component::Keep::*value;
};
constexpr std::array rules{
    Rule{"days", &component::Keep::days},     Rule{"last", &component::Keep::last},
    Rule{"hourly", &component::Keep::hourly}, Rule{"daily", &component::Keep::daily},
    Rule{"weekly", &component::Keep::weekly}, Rule{"monthly", &component::Keep::monthly},
    Rule{"yearly", &component::Keep::yearly},
};

std::optional<unsigned> count_from(const YAML::Node& node) {
    const std::string word = node.IsScalar() ? node.Scalar() : "";
    unsigned value = 0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
    const bool right = error == std::errc{} && end == word.data() + word.size() && value <= 100000;
    return right ? std::optional(value) : std::nullopt;
}

} // namespace

component::Keep read_keep(const std::string& file, int line, const YAML::Node& node, const std::string& of,
                          Problems& problems) {
    const auto tell = [&](const std::string& what, const std::string& remedy) {
        problems.push_back(told(where_of(file, line), what, remedy));
    };
    component::Keep keep;
    if (!node.IsMap() || node.size() == 0) {
        tell("keep has the wrong form", "write rules of retention below it, such as \"days: 90\"");
        return keep;
    }
    std::vector<std::string> known;
    std::transform(rules.begin(), rules.end(), std::back_inserter(known),
                   [](const Rule& each) { return each.key; });
    for (const auto& each : node) {
        const auto key = each.first.IsScalar() ? each.first.Scalar() : "";
        const auto rule =
            std::find_if(rules.begin(), rules.end(), [&](const Rule& one) { return key == one.key; });
        line = each.first.Mark().line;
        if (rule == rules.end()) {
            problems.push_back(where_of(file, line) + ": unknown key \"" + key + "\" in keep" +
                               component::did_you_mean(key, known));
            continue;
        }
        auto& value = keep.*(rule->value);
        if (value)
            tell("keep." + key + " stands twice in one " + of, "keep one");
        value = count_from(each.second);
        if (!value)
            tell("keep." + key + " is no number", "use a whole number from 0 to 100000");
    }
    return keep;
}

} // namespace miraclemax::config
