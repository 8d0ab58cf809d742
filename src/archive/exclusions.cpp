#include "archive/exclusions.hpp"

#include "error.hpp"

#include <fnmatch.h>

namespace miraclemax::archive {
namespace {

std::vector<std::string> split(std::string_view path) {
    std::vector<std::string> segments;
    while (!path.empty()) {
        const auto slash = path.find('/');
        if (slash != 0)
            segments.emplace_back(path.substr(0, slash));
        if (slash == std::string_view::npos)
            break;
        path.remove_prefix(slash + 1);
    }
    return segments;
}

bool same(const std::string& pattern, const std::string& name) {
    return fnmatch(pattern.c_str(), name.c_str(), 0) == 0;
}

// Only the last "**" is ever worth going back to, so this takes at most segments times segments steps.
bool match_segments(const std::vector<std::string>& pattern, const std::vector<std::string>& path) {
    constexpr auto none = static_cast<std::size_t>(-1);
    std::size_t p = 0, s = 0, star = none, resume = 0;
    while (s < path.size()) {
        if (p < pattern.size() && pattern[p] == "**") {
            star = p++;
            resume = s;
        } else if (p < pattern.size() && same(pattern[p], path[s])) {
            ++p;
            ++s;
        } else if (star != none) {
            p = star + 1;
            s = ++resume;
        } else {
            return false;
        }
    }
    while (p < pattern.size() && pattern[p] == "**")
        ++p;
    return p == pattern.size();
}

} // namespace

Exclusions::Exclusions(const std::vector<std::string>& patterns) {
    for (const std::string& text : patterns) {
        if (!text.empty() && text.front() == '!')
            throw Error(
                ExitCode::config, "exclude pattern \"" + text + "\" begins with \"!\"",
                "Patterns only leave out. Write \"\\!\" for a name that begins with an exclamation mark.");
        Pattern pattern;
        pattern.segments = split(text);
        if (pattern.segments.empty())
            continue;
        pattern.folders_only = text.back() == '/';
        pattern.name_only =
            pattern.segments.size() == 1 && text.front() != '/' && pattern.segments[0] != "**";
        if (pattern.segments.back() == "**")
            pattern.segments.emplace_back("*");
        patterns_.push_back(std::move(pattern));
    }
}

bool Exclusions::match(std::string_view path, bool folder) const {
    if (patterns_.empty())
        return false;
    const auto slash = path.rfind('/');
    const std::string name(slash == std::string_view::npos ? path : path.substr(slash + 1));
    std::vector<std::string> segments;
    for (const Pattern& pattern : patterns_) {
        if (pattern.folders_only && !folder)
            continue;
        if (pattern.name_only) {
            if (same(pattern.segments[0], name))
                return true;
            continue;
        }
        if (segments.empty())
            segments = split(path);
        if (match_segments(pattern.segments, segments))
            return true;
    }
    return false;
}

} // namespace miraclemax::archive
