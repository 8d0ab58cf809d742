// Archives that nobody made with good intent. Their manifest says the right size and sha256, and their
// inventory what the archive has, unless it is about these.
#pragma once

#include "unit/archive/tar_builder.hpp"

#include <span>
#include <string>

namespace miraclemax::archive::test {

struct Hostile {
    TarBuilder tar;
    std::string outside; // a folder with canaries
    bool single = false;
};

struct Case {
    const char* name;
    const char* says; // a part of the message
    void (*build)(Hostile&);
};

std::span<const Case> hostile_names();
std::span<const Case> hostile_links();
std::span<const Case> hostile_headers();
std::span<const Case> hostile_records(); // of extended headers
std::span<const Case> hostile_holes();
std::span<const Case> hostile_ends();
std::span<const Case> hostile_inventories();

inline Header file(const std::string& name, const std::string& content = "evil") {
    return {.name = name, .type = '0', .content = content, .link = ""};
}

inline Header link_to(const std::string& name, char type, const std::string& target) {
    return {.name = name, .type = type, .content = "", .link = target};
}

inline Records sparse(const std::string& name, const std::string& size) {
    return {{"GNU.sparse.major", "1"},
            {"GNU.sparse.minor", "0"},
            {"GNU.sparse.name", name},
            {"GNU.sparse.realsize", size}};
}

} // namespace miraclemax::archive::test
