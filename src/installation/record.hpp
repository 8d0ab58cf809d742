// What an installation did, so that it can be undone: <state>/install.json.
#pragma once

#include "installation/plan.hpp"

namespace miraclemax::installation {

struct Deed {
    std::string kind{}; // "folder", "file", "command", "key"
    std::filesystem::path path{};
    std::string sha256{};            // of the file as it was written
    std::string what{};              // of a command
    std::vector<std::string> undo{}; // of a command
};

struct Record {
    Way way = Way::quadlet;
    std::vector<Deed> deeds{};         // in the order they were done
    std::vector<std::string> reload{}; // after units were removed; empty: nothing

    [[nodiscard]] const Deed* of(const std::filesystem::path& path) const;
    void add(Deed deed); // in the place of one of the same path or command
};

// nullopt: there is none. Throws Error (failed) when it can't be read or is none of ours.
std::optional<Record> read_record(const std::filesystem::path& file);
void write_record(const std::filesystem::path& file, const Record& record);

} // namespace miraclemax::installation
