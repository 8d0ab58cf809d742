#include "component/choice.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>

namespace miraclemax::component {
namespace {

template<class Value> struct Named {
    Value value;
    const char* name;
};

constexpr std::array encryptions{Named<Encryption>{Encryption::required, "required"},
                                 Named<Encryption>{Encryption::optional, "optional"},
                                 Named<Encryption>{Encryption::never, "never"}};
constexpr std::array priorities{
    Named<Priority>{Priority::critical, "critical"}, Named<Priority>{Priority::high, "high"},
    Named<Priority>{Priority::medium, "medium"}, Named<Priority>{Priority::low, "low"}};
constexpr std::array quiesces{Named<Quiesce>{Quiesce::automatic, "auto"},
                              Named<Quiesce>{Quiesce::pause, "pause"}, Named<Quiesce>{Quiesce::stop, "stop"},
                              Named<Quiesce>{Quiesce::none, "none"}};

template<class Table, class Value> const char* find_name(const Table& table, Value value) {
    for (const auto& each : table)
        if (each.value == value)
            return each.name;
    return "?";
}

template<class Value, std::size_t size>
std::optional<Value> find_value(const std::array<Named<Value>, size>& table, const std::string& word) {
    for (const auto& each : table)
        if (word == each.name)
            return each.value;
    return std::nullopt;
}

using Check = bool (*)(const std::string&);

struct Word {
    const char* name;
    std::optional<std::string> Choice::*value;
    Check right;
    const char* remedy;
};

constexpr const char* name_remedy =
    "use 1 to 64 letters, digits, '_', '.' or '-', beginning with a letter or digit: it becomes a file name";

constexpr const char* category_remedy =
    "use a name of 1 to 64 letters, digits, '_', '.' or '-' that no file of a backup has (manifest.json, "
    "SHA256SUMS, RESTORE.txt): it becomes a folder";

bool is_category(const std::string& text) {
    static constexpr std::array taken{"manifest.json", "manifest.json.sig", "SHA256SUMS", "RESTORE.txt"};
    return is_name(text) && std::find(taken.begin(), taken.end(), text) == taken.end();
}

const std::array words{
    Word{"backup", &Choice::backup, [](const std::string& text) { return backup_from(text).has_value(); },
         "use true, optional (only with --full) or false"},
    Word{"component", &Choice::component, is_name, name_remedy},
    Word{"category", &Choice::category, is_category, category_remedy},
    Word{"encryption", &Choice::encryption,
         [](const std::string& text) { return encryption_from(text).has_value(); },
         "use required, optional or never"},
    Word{"priority", &Choice::priority,
         [](const std::string& text) { return priority_from(text).has_value(); },
         "use critical, high, medium or low"},
    Word{"quiesce", &Choice::quiesce, [](const std::string& text) { return quiesce_from(text).has_value(); },
         "use auto, pause, stop or none"},
    Word{"group", &Choice::group, is_name, name_remedy},
    Word{"max-freeze", &Choice::max_freeze,
         [](const std::string& text) { return duration_from(text).has_value(); },
         "use a duration above zero such as 500ms, 90s, 5m or 1h"},
};

const Word* find_word(const std::string& name) {
    const auto* const found =
        std::find_if(words.begin(), words.end(), [&](const Word& each) { return name == each.name; });
    return found == words.end() ? nullptr : found;
}

std::string trimmed(const std::string& text) {
    const auto begin = text.find_first_not_of(" \t");
    return begin == std::string::npos ? "" : text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

} // namespace

const char* name_of(Encryption value) {
    return find_name(encryptions, value);
}
const char* name_of(Priority value) {
    return find_name(priorities, value);
}
const char* name_of(Quiesce value) {
    return find_name(quiesces, value);
}
std::optional<Encryption> encryption_from(const std::string& word) {
    return find_value(encryptions, word);
}
std::optional<Priority> priority_from(const std::string& word) {
    return find_value(priorities, word);
}
std::optional<Quiesce> quiesce_from(const std::string& word) {
    return find_value(quiesces, word);
}

std::optional<Backup> backup_from(const std::string& word) {
    if (word == "true" || word == "True")
        return Backup::yes;
    if (word == "optional")
        return Backup::only_full;
    if (word == "false" || word == "False")
        return Backup::no;
    return std::nullopt;
}

bool is_name(const std::string& text) {
    const auto plain = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    };
    return !text.empty() && text.size() <= 64 && plain(text.front()) &&
           std::all_of(text.begin(), text.end(),
                       [&](char c) { return plain(c) || c == '_' || c == '.' || c == '-'; });
}

const std::vector<std::string>& choice_words() {
    static const std::vector<std::string> names = [] {
        std::vector<std::string> all;
        for (const auto& each : words)
            all.emplace_back(each.name);
        all.emplace_back("exclude");
        return all;
    }();
    return names;
}

std::optional<std::string> remedy_for(const std::string& word, const std::string& value) {
    const auto* const found = find_word(word);
    if (found == nullptr || found->right(value))
        return std::nullopt;
    return found->remedy;
}

const std::optional<std::string>* value_of(const Choice& choice, const std::string& word) {
    const auto* const found = find_word(word);
    return found == nullptr ? nullptr : &(choice.*(found->value));
}

std::optional<std::string>* value_of(Choice& choice, const std::string& word) {
    const auto* const found = find_word(word);
    return found == nullptr ? nullptr : &(choice.*(found->value));
}

std::optional<std::vector<std::string>> patterns_from(const std::string& text) {
    std::vector<std::string> patterns;
    const auto whole = trimmed(text);
    if (whole.starts_with('[')) {
        const auto list = nlohmann::json::parse(whole, nullptr, false);
        if (!list.is_array())
            return std::nullopt;
        for (const auto& each : list) {
            if (!each.is_string() || each.get_ref<const std::string&>().empty())
                return std::nullopt;
            patterns.push_back(each.get<std::string>());
        }
        return patterns;
    }
    for (std::size_t begin = 0; begin <= whole.size();) {
        const auto end = std::min(whole.find(',', begin), whole.size());
        const auto pattern = trimmed(whole.substr(begin, end - begin));
        if (pattern.empty())
            return std::nullopt;
        patterns.push_back(pattern);
        begin = end + 1;
    }
    return patterns;
}

} // namespace miraclemax::component
