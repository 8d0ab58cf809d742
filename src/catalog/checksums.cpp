#include "catalog/manifest.hpp"

#include <algorithm>

namespace miraclemax::catalog {

std::string sha256sums(std::vector<Sum> sums) {
    std::sort(sums.begin(), sums.end(), [](const Sum& a, const Sum& b) { return a.path < b.path; });
    std::string text;
    for (const Sum& sum : sums) {
        text += sum.sha256 + "  " + sum.path + "\n";
    }
    return text;
}

} // namespace miraclemax::catalog
