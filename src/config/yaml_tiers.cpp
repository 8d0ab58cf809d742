#include "config/yaml_tiers.hpp"

#include "component/choice.hpp"
#include "component/spelling.hpp"
#include "config/yaml_components.hpp"
#include "config/yaml_keep.hpp"

#include <algorithm>
#include <set>

namespace miraclemax::config {
namespace {

class Entry {
public:
    Entry(const std::string& file, const Environment& environment, Problems& problems)
        : file_(file), environment_(environment), problems_(problems) {}

    Tier read(const YAML::Node& entry) {
        line_ = entry.Mark().line;
        made_.where = where_of(file_, line_);
        if (!entry.IsMap()) {
            tell("an entry of tiers has the wrong form", "write \"- name: NAME\" and \"folder: /PATH\"");
            return made_;
        }
        std::set<std::string> seen;
        for (const auto& each : entry) {
            const auto key = each.first.IsScalar() ? each.first.Scalar() : "";
            line_ = each.first.Mark().line;
            if (seen.insert(key).second)
                read_word(key, each.second);
            else
                tell(key + " stands twice in one tier", "keep one");
        }
        line_ = entry.Mark().line;
        for (const char* needed : {"name", "folder"})
            if (!seen.contains(needed))
                tell("a tier has no " + std::string(needed), "give it one");
        return made_;
    }

private:
    void read_word(const std::string& key, const YAML::Node& node) {
        const auto word = node.IsScalar() ? node.Scalar() : "";
        if (key == "keep") {
            made_.keep = read_keep(file_, line_, node, "tier", problems_);
        } else if (key == "name") {
            made_.name = word;
            if (!component::is_name(word) || word == "local")
                tell(
                    "name is \"" + word + "\"",
                    "use 1 to 64 letters, digits, '_', '.' or '-', beginning with a letter or digit, and not "
                    "\"local\", which is the backup folder");
        } else if (key == "folder") {
            if (const auto path = expanded(word, environment_))
                made_.folder = *path;
            else
                tell("folder is \"" + word + "\"", "use an absolute path");
        } else {
            problems_.push_back(where_of(file_, line_) + ": unknown key \"" + key + "\" of a tier" +
                                component::did_you_mean(key, {"name", "folder", "keep"}));
        }
    }
    void tell(const std::string& what, const std::string& remedy) {
        problems_.push_back(told(where_of(file_, line_), what, remedy));
    }

    const std::string& file_;
    const Environment& environment_;
    Problems& problems_;
    Tier made_;
    int line_ = 0; // of the key: an empty value is marked where the next line begins
};

} // namespace

std::vector<Tier> read_tiers(const std::string& file, const YAML::Node& list, const Environment& environment,
                             Problems& problems) {
    std::vector<Tier> tiers;
    if (list.IsNull())
        return tiers;
    if (!list.IsSequence()) {
        problems.push_back(told(where_of(file, list.Mark().line), "tiers is no list",
                                "write \"- name: NAME\" and \"folder: /PATH\" below it"));
        return tiers;
    }
    for (const auto& entry : list) {
        auto made = Entry(file, environment, problems).read(entry);
        const auto same = std::find_if(tiers.begin(), tiers.end(), [&](const Tier& each) {
            return !made.name.empty() && each.name == made.name;
        });
        if (same != tiers.end())
            problems.push_back(
                told(made.where, "tier " + made.name + " is listed already, at " + same->where, "keep one"));
        tiers.push_back(std::move(made));
    }
    return tiers;
}

} // namespace miraclemax::config
