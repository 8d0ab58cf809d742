#include "catalog/field.hpp"

#include "error.hpp"
#include "store/backup_folder.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace miraclemax::catalog {

namespace {

[[noreturn]] void refuse_path(const std::string& path, const std::string& why) {
    throw Error(ExitCode::failed, fmt::format("the manifest's field {} {}", path, why));
}

} // namespace

Fields::Fields(const nlohmann::json& json, std::string where) : json_(json), where_(std::move(where)) {
    if (!json_.is_object()) {
        refuse_path(where_.empty() ? "(outermost)" : where_, "is no object");
    }
}

std::string Fields::path_of(const char* name) const {
    return where_.empty() ? name : fmt::format("{}.{}", where_, name);
}

void Fields::refuse(const char* name, const std::string& why) const {
    refuse_path(path_of(name), why);
}

const nlohmann::json& Fields::value(const char* name) const {
    const auto found = json_.find(name);
    if (found == json_.end()) {
        refuse(name, "is missing");
    }
    return *found;
}

bool Fields::has(const char* name) const {
    return json_.contains(name);
}

std::string Fields::text(const char* name) const {
    const nlohmann::json& found = value(name);
    if (!found.is_string()) {
        refuse(name, "is no text");
    }
    return found.get<std::string>();
}

std::string Fields::hex(const char* name, std::size_t digits, bool may_be_empty) const {
    std::string found = text(name);
    const auto is_hex = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
    const bool right = found.size() == digits && std::all_of(found.begin(), found.end(), is_hex);
    if (!right && !(may_be_empty && found.empty())) {
        refuse(name, fmt::format("is not {} lower-case hexadecimal digits", digits));
    }
    return found;
}

std::string Fields::backup_id(const char* name, bool may_be_empty) const {
    std::string id = text(name);
    if (!(may_be_empty && id.empty()) && !store::is_backup_id(id)) {
        refuse(name, "is no backup's id");
    }
    return id;
}

std::string Fields::word(const char* name, const std::vector<std::string>& words) const {
    std::string found = text(name);
    if (std::find(words.begin(), words.end(), found) == words.end()) {
        refuse(name, fmt::format("is '{}', not one of: {}", found, fmt::join(words, ", ")));
    }
    return found;
}

bool Fields::flag(const char* name) const {
    const nlohmann::json& found = value(name);
    if (!found.is_boolean()) {
        refuse(name, "is neither true nor false");
    }
    return found.get<bool>();
}

std::uint64_t Fields::count(const char* name, std::uint64_t most) const {
    const nlohmann::json& found = value(name);
    if (!found.is_number_integer()) {
        refuse(name, "is no whole number");
    }
    if (!found.is_number_unsigned()) {
        refuse(name, "is below zero");
    }
    const auto number = found.get<std::uint64_t>();
    if (number > most) {
        refuse(name, "is too large");
    }
    return number;
}

std::int64_t Fields::milliseconds(const char* name) const {
    return static_cast<std::int64_t>(count(name, INT64_MAX));
}

std::map<std::string, std::string> Fields::texts_by_name(const char* name) const {
    const nlohmann::json& found = value(name);
    if (!found.is_object()) {
        refuse(name, "is no object");
    }
    std::map<std::string, std::string> texts;
    for (const auto& [key, item] : found.items()) {
        if (!item.is_string()) {
            refuse(name, "holds something that is no text");
        }
        texts.emplace(key, item.get<std::string>());
    }
    return texts;
}

std::vector<std::string> Fields::texts(const char* name) const {
    const nlohmann::json& found = value(name);
    if (!found.is_array()) {
        refuse(name, "is no list");
    }
    std::vector<std::string> texts;
    for (const nlohmann::json& item : found) {
        if (!item.is_string()) {
            refuse(name, "holds something that is no text");
        }
        texts.push_back(item.get<std::string>());
    }
    return texts;
}

Fields Fields::object(const char* name) const {
    return {value(name), path_of(name)};
}

void Fields::each(const char* name, const std::function<void(const Fields&)>& take) const {
    const nlohmann::json& found = value(name);
    if (!found.is_array()) {
        refuse(name, "is no list");
    }
    std::size_t index = 0;
    for (const nlohmann::json& item : found) {
        take(Fields(item, fmt::format("{}[{}]", path_of(name), index++)));
    }
}

} // namespace miraclemax::catalog
