#include "component/spelling.hpp"

#include <algorithm>
#include <numeric>

namespace miraclemax::component {
namespace {

// Levenshtein, where two neighbours that changed places count once.
std::size_t distance(const std::string& from, const std::string& to) {
    std::vector<std::size_t> before(to.size() + 1), last(to.size() + 1), now(to.size() + 1);
    std::iota(last.begin(), last.end(), std::size_t{0});
    for (std::size_t i = 1; i <= from.size(); ++i) {
        now[0] = i;
        for (std::size_t j = 1; j <= to.size(); ++j) {
            const std::size_t changed = last[j - 1] + (from[i - 1] == to[j - 1] ? 0 : 1);
            now[j] = std::min({changed, last[j] + 1, now[j - 1] + 1});
            if (i > 1 && j > 1 && from[i - 1] == to[j - 2] && from[i - 2] == to[j - 1])
                now[j] = std::min(now[j], before[j - 2] + 1);
        }
        before = last;
        last = now;
    }
    return last[to.size()];
}

} // namespace

std::optional<std::string> nearest(const std::string& word, const std::vector<std::string>& known) {
    if (word.size() > 200) // a label can be megabytes long
        return std::nullopt;
    std::optional<std::string> best;
    auto least = std::max<std::size_t>(2, word.size() / 3) + 1;
    for (const auto& each : known)
        if (const auto far = distance(word, each); far < least && far < each.size()) {
            least = far;
            best = each;
        }
    return best;
}

std::string did_you_mean(const std::string& word, const std::vector<std::string>& known) {
    const auto meant = nearest(word, known);
    return meant ? "; did you mean \"" + *meant + "\"?" : "";
}

} // namespace miraclemax::component
