#include "config/yaml_components.hpp"

#include "component/choice.hpp"
#include "component/spelling.hpp"
#include "config/yaml_keep.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace miraclemax::config {
namespace {

// The file writes max_freeze, the labels write max-freeze.
std::string in_yaml(std::string word) {
    std::replace(word.begin(), word.end(), '-', '_');
    return word;
}

class Entry {
public:
    Entry(const std::string& file, const Environment& environment, Problems& problems)
        : file_(file), environment_(environment), problems_(problems) {}
    component::Configured read(const YAML::Node& entry);

private:
    void read_word(const std::string& key, const YAML::Node& node);
    void read_exclude(const YAML::Node& node);
    void read_path(const YAML::Node& node);
    void check_source(const YAML::Node& entry);
    void tell(const std::string& what, const std::string& remedy) {
        problems_.push_back(told(where_of(file_, line_), what, remedy));
    }

    const std::string& file_;
    const Environment& environment_;
    Problems& problems_;
    component::Configured made_;
    int line_ = 0; // of the key: an empty value is marked where the next line begins
};

void Entry::read_exclude(const YAML::Node& node) {
    std::vector<std::string> patterns;
    bool right = node.IsSequence() || (node.IsScalar() && !node.Scalar().empty());
    if (right && node.IsScalar())
        patterns.push_back(node.Scalar());
    if (right && node.IsSequence())
        for (const auto& each : node) {
            right = right && each.IsScalar() && !each.Scalar().empty();
            if (right)
                patterns.push_back(each.Scalar());
        }
    if (right)
        made_.choice.exclude = std::move(patterns);
    else
        tell("exclude has the wrong form", "use a list of patterns");
}

void Entry::read_path(const YAML::Node& node) {
    const auto path = expanded(node.Scalar(), environment_);
    if (path)
        made_.path = *path;
    else if (node.Scalar().starts_with('~'))
        tell("path is \"" + node.Scalar() + "\", and its \"~\" can't be expanded",
             "write the whole path of the host, such as /home/me/n8n-data");
    else
        tell("path is \"" + node.Scalar() + "\"", "use an absolute path of the host");
}

void Entry::read_word(const std::string& key, const YAML::Node& node) {
    const auto& words = component::choice_words();
    const auto word = std::find_if(words.begin(), words.end(), [&](const std::string& each) {
        return key == each || key == in_yaml(each);
    });
    if (key != "volume" && key != "path" && key != "keep" && word == words.end()) {
        std::vector<std::string> known{"volume", "path", "keep"};
        std::transform(words.begin(), words.end(), std::back_inserter(known), in_yaml);
        problems_.push_back(where_of(file_, line_) + ": unknown key \"" + key + "\" of a component" +
                            component::did_you_mean(key, known));
    } else if (key == "exclude") {
        read_exclude(node);
    } else if (key == "keep") {
        made_.keep = read_keep(file_, line_, node, "component", problems_);
    } else if (!node.IsScalar() || node.Scalar().empty()) {
        tell(key + " has no value", "give one, or leave it out");
    } else if (key == "volume") {
        made_.volume = node.Scalar();
    } else if (key == "path") {
        read_path(node);
    } else if (const auto wrong = component::remedy_for(*word, node.Scalar())) {
        tell(key + " is \"" + node.Scalar() + "\"", *wrong);
    } else {
        *component::value_of(made_.choice, *word) = node.Scalar();
    }
}

void Entry::check_source(const YAML::Node& entry) {
    const bool volume = static_cast<bool>(entry["volume"]);
    const bool path = static_cast<bool>(entry["path"]);
    if (volume == path)
        tell(volume ? "a component has both a volume and a path" : "a component has neither volume nor path",
             "name exactly one of them");
}

component::Configured Entry::read(const YAML::Node& entry) {
    line_ = entry.Mark().line;
    made_.where = where_of(file_, line_);
    if (!entry.IsMap()) {
        tell("an entry of components has the wrong form", "write \"- volume: NAME\" or \"- path: /PATH\"");
        return made_;
    }
    std::set<std::string> seen;
    for (const auto& each : entry) {
        const auto key = each.first.IsScalar() ? each.first.Scalar() : "";
        line_ = each.first.Mark().line;
        if (seen.insert(in_yaml(key)).second)
            read_word(key, each.second);
        else
            tell(key + " stands twice in one component", "keep one");
    }
    line_ = entry.Mark().line;
    check_source(entry);
    return made_;
}

} // namespace

std::string where_of(const std::string& file, int line) {
    return line < 0 ? file : file + " line " + std::to_string(line + 1);
}

std::vector<component::Configured> read_components(const std::string& file, const YAML::Node& list,
                                                   const Environment& environment, Problems& problems) {
    std::vector<component::Configured> components;
    if (list.IsNull())
        return components;
    if (!list.IsSequence()) {
        problems.push_back(told(where_of(file, list.Mark().line), "components is no list",
                                "write \"- volume: NAME\" or \"- path: /PATH\" below it"));
        return components;
    }
    std::map<std::string, std::string> seen; // what is backed up, to where it stands
    for (const auto& entry : list) {
        auto made = Entry(file, environment, problems).read(entry);
        const auto what = made.volume.empty() ? "path " + made.path : "volume " + made.volume;
        if (!made.volume.empty() || !made.path.empty())
            if (const auto [first, fresh] = seen.emplace(what, made.where); !fresh)
                problems.push_back(
                    told(made.where, what + " is listed already, at " + first->second, "keep one"));
        components.push_back(std::move(made));
    }
    return components;
}

} // namespace miraclemax::config
