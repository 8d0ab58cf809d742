// Everything that somebody said something about, before it is decided what becomes a component. Pure.
#pragma once

#include "component/labels.hpp"

namespace miraclemax::component {

struct Candidate {
    Source source{};
    std::vector<Saying> sayings{}; // the highest rank first: configuration, container, volume
    bool anonymous = false;
    std::vector<Fault> conflicts{};         // containers that contradict each other
    [[nodiscard]] std::string what() const; // "volume n8n-data", "path /srv/web"
    [[nodiscard]] std::string name() const; // as asked for, else the volume's or the path's last part
};

struct Candidates {
    std::vector<Candidate> all{}; // every volume, and every path that is named
    std::vector<Problem> problems{};
    std::vector<std::string> warnings{};
};

Candidates collect(const Facts& facts);

} // namespace miraclemax::component
