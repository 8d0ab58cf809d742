#include "config/yaml_file.hpp"

#include "component/spelling.hpp"
#include "config/yaml_components.hpp"
#include "config/yaml_tiers.hpp"

#include <algorithm>
#include <set>

namespace miraclemax::config {
namespace {

std::string first_word(const std::string& key) {
    return key.substr(0, key.find('.'));
}

class Reader {
public:
    Reader(const std::string& file, const Environment& environment, Problems& problems)
        : file_(file), environment_(environment), problems_(problems) {}
    FileWords run();

private:
    void read_top(const YAML::Node& top);
    void read_section(const std::string& section, const YAML::Node& node);
    void read_option(const Option& option, const YAML::Node& node);
    [[nodiscard]] std::string where(const YAML::Node& node) const {
        return where_of(file_, node.Mark().line);
    }

    const std::string& file_;
    const Environment& environment_;
    Problems& problems_;
    FileWords words_;
};

void Reader::read_option(const Option& option, const YAML::Node& node) {
    Given given{.values = {}, .where = where(node)};
    if (node.IsSequence() && option.list) {
        for (const auto& each : node) {
            if (!each.IsScalar() || each.Scalar().empty()) {
                problems_.push_back(
                    told(where(each), option.key + " has an entry that is no word", "use a plain list"));
                return;
            }
            given.values.push_back(each.Scalar());
        }
    } else if (node.IsScalar()) {
        if (!node.Scalar().empty())
            given.values.push_back(node.Scalar());
    } else if (!node.IsNull()) {
        problems_.push_back(told(given.where, option.key + " has the wrong form", "it is a " + option.type));
        return;
    }
    words_.options[option.key] = std::move(given);
}

void Reader::read_section(const std::string& section, const YAML::Node& node) {
    if (node.IsNull())
        return;
    if (!node.IsMap()) {
        problems_.push_back(
            told(where(node), section + " is no section", "write its options below it, indented"));
        return;
    }
    std::vector<std::string> known;
    for (const auto& option : options())
        if (option.key.starts_with(section + "."))
            known.push_back(first_word(option.key.substr(section.size() + 1)));
    std::set<std::string> seen;
    for (const auto& entry : node) {
        const auto key = entry.first.IsScalar() ? entry.first.Scalar() : "";
        const auto whole = section + "." + key;
        const auto option = std::find_if(options().begin(), options().end(),
                                         [&](const Option& each) { return each.key == whole; });
        if (std::find(known.begin(), known.end(), key) == known.end())
            problems_.push_back(where(entry.first) + ": unknown key \"" + key + "\" in " + section +
                                component::did_you_mean(key, known));
        else if (!seen.insert(key).second)
            problems_.push_back(told(where(entry.first), whole + " stands twice", "keep one"));
        else if (option == options().end())
            read_section(whole, entry.second);
        else
            read_option(*option, entry.second);
    }
}

void Reader::read_top(const YAML::Node& top) {
    if (top.IsNull())
        return;
    if (!top.IsMap()) {
        problems_.push_back(told(where(top), "this is no YAML of \"key: value\"", "write one option a line"));
        return;
    }
    std::set<std::string> known{"components", "tiers"};
    for (const auto& option : options())
        known.insert(option.section().empty() ? option.key : option.section());
    std::set<std::string> seen;
    for (const auto& entry : top) {
        const auto key = entry.first.IsScalar() ? entry.first.Scalar() : "";
        const auto option = std::find_if(options().begin(), options().end(),
                                         [&](const Option& each) { return each.key == key; });
        if (!known.contains(key))
            problems_.push_back(where(entry.first) + ": unknown key \"" + key + "\"" +
                                component::did_you_mean(key, {known.begin(), known.end()}));
        else if (!seen.insert(key).second)
            problems_.push_back(told(where(entry.first), key + " stands twice", "keep one"));
        else if (key == "components")
            words_.components = read_components(file_, entry.second, environment_, problems_);
        else if (key == "tiers")
            words_.tiers = read_tiers(file_, entry.second, environment_, problems_);
        else if (option != options().end())
            read_option(*option, entry.second);
        else
            read_section(key, entry.second);
    }
}

FileWords Reader::run() {
    try {
        const auto documents = YAML::LoadAllFromFile(file_);
        if (documents.size() > 1)
            problems_.push_back(told(file_, "it holds several YAML documents", "remove the lines \"---\""));
        else if (!documents.empty())
            read_top(documents.front());
    } catch (const YAML::BadFile&) {
        problems_.push_back(told(file_, "the file can't be read", "check its name and mode"));
    } catch (const YAML::Exception& error) {
        problems_.push_back(told(where_of(file_, error.mark.line), error.msg, ""));
    }
    return std::move(words_);
}

} // namespace

std::string told(const std::string& where, const std::string& what, const std::string& remedy) {
    return where + ": " + what + (remedy.empty() ? "" : ": " + remedy);
}

FileWords read_yaml(const std::string& file, const Environment& environment, Problems& problems) {
    return Reader(file, environment, problems).run();
}

} // namespace miraclemax::config
