#include "archive/mounts_below.hpp"

#include <fstream>
#include <limits.h>
#include <sstream>

#include <unistd.h>

namespace miraclemax::archive {
namespace {

// Space, tab, newline and backslash stand there as \ and three octal digits.
std::string unescaped(const std::string& text) {
    std::string plain;
    const auto octal = [&](std::size_t at) { return text[at] >= '0' && text[at] <= '7'; };
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '\\' || i + 3 >= text.size() || !octal(i + 1) || !octal(i + 2) || !octal(i + 3)) {
            plain += text[i];
            continue;
        }
        plain += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0'));
        i += 3;
    }
    return plain;
}

} // namespace

std::vector<std::string> mounts_below(int folder) {
    std::string path(PATH_MAX, '\0');
    const ssize_t length =
        readlink(("/proc/self/fd/" + std::to_string(folder)).c_str(), path.data(), path.size());
    if (length <= 0)
        return {};
    path.resize(static_cast<std::size_t>(length));
    if (path.back() != '/')
        path += '/';
    std::vector<std::string> found;
    std::ifstream mounts("/proc/self/mountinfo");
    for (std::string line; std::getline(mounts, line);) {
        std::istringstream fields(line);
        std::string id, parent, device, inner, point;
        fields >> id >> parent >> device >> inner >> point;
        point = unescaped(point);
        if (point.starts_with(path))
            found.push_back(point.substr(path.size()));
    }
    return found;
}

} // namespace miraclemax::archive
