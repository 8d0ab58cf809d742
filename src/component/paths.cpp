#include "component/paths.hpp"

#include <algorithm>
#include <vector>

namespace miraclemax::component {

std::string normalised(const std::string& path) {
    const bool absolute = path.starts_with('/');
    std::vector<std::string> parts;
    for (std::size_t begin = 0; begin < path.size();) {
        const auto end = std::min(path.find('/', begin), path.size());
        const auto part = path.substr(begin, end - begin);
        begin = end + 1;
        if (part.empty() || part == ".")
            continue;
        if (part != "..")
            parts.push_back(part);
        else if (!parts.empty() && parts.back() != "..")
            parts.pop_back();
        else if (!absolute)
            parts.push_back(part);
    }
    std::string text;
    for (const auto& part : parts)
        text += (text.empty() && !absolute ? "" : "/") + part;
    return text.empty() && absolute ? "/" : text;
}

bool contains(const std::string& outer, const std::string& inner) {
    if (!outer.starts_with('/') || !inner.starts_with('/'))
        return false;
    const auto whole = normalised(outer);
    const auto part = normalised(inner);
    return whole == "/" || part == whole || part.starts_with(whole + "/");
}

bool overlap(const std::string& one, const std::string& other) {
    return contains(one, other) || contains(other, one);
}

std::string last_part(const std::string& path) {
    const auto text = normalised(path);
    return text.substr(text.rfind('/') + 1);
}

} // namespace miraclemax::component
