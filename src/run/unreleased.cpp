#include "run/unreleased.hpp"

#include "quiesce/journal.hpp"

#include <set>

namespace miraclemax::run {
namespace {

constexpr std::chrono::seconds grace{10}; // the daemon looks every two

bool is_fresh(std::filesystem::file_time_type changed) {
    const auto age = std::filesystem::file_time_type::clock::now() - changed;
    return age >= std::chrono::seconds(0) && age < grace;
}

} // namespace

std::vector<std::string> unreleased(const Settings& settings) {
    std::vector<std::string> sentences;
    std::set<std::string> named;
    try {
        for (const auto& left : quiesce::leftovers(settings.journals())) {
            if (is_fresh(left.changed))
                continue;
            for (const auto& entry : left.open)
                if (named.insert(entry.id).second)
                    sentences.push_back("container " + entry.name + " is not back: run " + left.run +
                                        (entry.act == quiesce::Act::stop ? " stopped it" : " paused it"));
            if (!left.trouble.empty())
                sentences.push_back("what run " + left.run +
                                    " froze can't be told from its journal: " + left.trouble);
        }
    } catch (const std::exception& error) {
        sentences.push_back(std::string("which containers are not back can't be told: ") + error.what());
    }
    return sentences;
}

} // namespace miraclemax::run
