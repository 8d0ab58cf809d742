// Strict reading of one JSON object: every failure names the field by its path
// ("components[2].archive.file.size"). Internal to catalog. One thread at a time; borrows the JSON.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace miraclemax::catalog {

class Fields {
public:
    // Throws when `json` is no object. `where` is the object's own path, empty for the outermost.
    Fields(const nlohmann::json& json, std::string where);

    [[nodiscard]] bool has(const char* name) const; // a field that older manifests are without
    [[nodiscard]] std::string text(const char* name) const;
    // Lower-case hexadecimal digits, so many.
    [[nodiscard]] std::string hex(const char* name, std::size_t digits, bool may_be_empty = false) const;
    [[nodiscard]] std::string backup_id(const char* name, bool may_be_empty = false) const;
    // One of these words.
    [[nodiscard]] std::string word(const char* name, const std::vector<std::string>& words) const;
    [[nodiscard]] bool flag(const char* name) const;
    [[nodiscard]] std::uint64_t count(const char* name, std::uint64_t most = UINT64_MAX) const;
    [[nodiscard]] std::int64_t milliseconds(const char* name) const;
    [[nodiscard]] std::map<std::string, std::string> texts_by_name(const char* name) const;
    [[nodiscard]] std::vector<std::string> texts(const char* name) const;
    [[nodiscard]] Fields object(const char* name) const;
    void each(const char* name, const std::function<void(const Fields&)>& take) const;
    [[noreturn]] void refuse(const char* name, const std::string& why) const;

private:
    [[nodiscard]] const nlohmann::json& value(const char* name) const;
    [[nodiscard]] std::string path_of(const char* name) const;

    const nlohmann::json& json_;
    std::string where_;
};

} // namespace miraclemax::catalog
