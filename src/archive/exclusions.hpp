// Which entries a component leaves out, by patterns in the manner of .gitignore.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace miraclemax::archive {

// A pattern is a path relative to the component's root, its segments matched by fnmatch(3): `*`, `?` and
// `[…]` never match a '/', and match a leading dot; `\` takes the next character as it is.
//   *.log       no slash but at the end: an entry of that name in any folder
//   cache/      a slash at the end: only folders
//   /top/only   a slash at the beginning or inside: from the root on
//   a/**/b      `**` as a whole segment: any number of folders, none included
//   a/**        everything in a, but not a itself
// An excluded folder is left out whole. The root can't be excluded. Empty patterns say nothing; a
// pattern that begins with `!` is refused (Error, config), because there is no taking back: write `\!`
// for a name that begins so. Bytes are compared, not characters.
class Exclusions {
public:
    explicit Exclusions(const std::vector<std::string>& patterns);

    // path: relative to the root, without a slash at either end.
    [[nodiscard]] bool match(std::string_view path, bool folder) const;

private:
    struct Pattern {
        std::vector<std::string> segments; // "**" stands for any number of segments
        bool folders_only = false;
        bool name_only = false; // one segment, against the last segment of the path
    };
    std::vector<Pattern> patterns_;
};

} // namespace miraclemax::archive
