#include "archive/archived_entry.hpp"

#include "archive/report.hpp"

#include <algorithm>

namespace miraclemax::archive {

int compare_paths(std::string_view a, std::string_view b) {
    const std::size_t common = std::min(a.size(), b.size());
    for (std::size_t i = 0; i < common; ++i) {
        if (a[i] == b[i])
            continue;
        const int left = a[i] == '/' ? 0 : static_cast<unsigned char>(a[i]);
        const int right = b[i] == '/' ? 0 : static_cast<unsigned char>(b[i]);
        return left - right;
    }
    return a.size() == b.size() ? 0 : a.size() < b.size() ? -1 : 1;
}

bool lies_in(std::string_view path, std::string_view folder) {
    if (folder.empty())
        return !path.empty();
    return path.size() > folder.size() && path[folder.size()] == '/' && path.starts_with(folder);
}

std::string shown(std::string_view name) {
    constexpr std::size_t most = 1024;
    return name.size() <= most ? json_text(name) : json_text(name.substr(0, most)) + "...";
}

} // namespace miraclemax::archive
