#include "installation/installation.hpp"

#include "error.hpp"
#include "stream/digest.hpp"
#include "stream/file.hpp"

#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace miraclemax::installation {
namespace {

namespace fs = std::filesystem;
using stream::is_there;

fs::path below(const fs::path& root, const fs::path& path) {
    return root / path.relative_path();
}

// True unless it should have worked and did not.
bool remove_file(const fs::path& path, const Deed& deed, const Say& say) {
    if (!is_there(path))
        return true;
    std::error_code trouble;
    if (!fs::is_regular_file(fs::symlink_status(path, trouble)) ||
        stream::digest_of_file(path).sha256 != deed.sha256) {
        say(path.string() + " was changed: it stays");
        return true;
    }
    const bool gone = ::unlink(path.c_str()) == 0;
    say(gone ? "removed " + path.string() : "can't remove " + path.string() + ": " + std::strerror(errno));
    return gone;
}

void remove_folder(const fs::path& path, const Say& say) {
    if (::rmdir(path.c_str()) == 0)
        say("removed " + path.string());
    else if (errno != ENOENT)
        say(path.string() + (errno == ENOTEMPTY || errno == EEXIST
                                 ? " holds something: it stays"
                                 : std::string(": ") + std::strerror(errno)));
}

bool run(const std::vector<std::string>& words, Outside& outside, const Say& say) {
    const auto answer = outside.run(words);
    say(answer.code == 0 ? "done: " + spelled(words)
                         : spelled(words) + " ended with " + std::to_string(answer.code) +
                               (answer.said.empty() ? "" : ": " + answer.said));
    return answer.code == 0;
}

bool undo(const fs::path& root, const Deed& deed, Outside& outside, const Say& say) {
    if (deed.kind == "command")
        return run(deed.undo, outside, say);
    if (deed.kind == "file")
        return remove_file(below(root, deed.path), deed, say);
    if (deed.kind == "key")
        say(deed.path.string() + " is kept, as every key is");
    return true;
}

} // namespace

std::vector<std::string> undo_lines(const Record& record) {
    std::vector<std::string> lines;
    for (auto deed = record.deeds.rbegin(); deed != record.deeds.rend(); ++deed)
        lines.push_back(deed->kind == "command" ? spelled(deed->undo)
                        : deed->kind == "file"  ? "remove " + deed->path.string() + ", unless you changed it"
                        : deed->kind == "folder"
                            ? "remove the folder " + deed->path.string() + ", if it is empty"
                            : "keep " + deed->path.string());
    if (!record.reload.empty())
        lines.push_back(spelled(record.reload));
    if (record.way == Way::quadlet)
        lines.push_back("keep the volume systemd-miraclemax-state: the signing key is in it");
    return lines;
}

bool uninstall(const fs::path& root, const Places& places, const Record& record, Outside& outside,
               const Say& say) {
    bool well = true;
    for (auto deed = record.deeds.rbegin(); deed != record.deeds.rend(); ++deed)
        if (deed->kind != "folder")
            well = undo(root, *deed, outside, say) && well;
    if (!record.reload.empty())
        well = run(record.reload, outside, say) && well;
    if (!well)
        return false;
    // Before the folders: it lies in one of them.
    std::error_code trouble;
    fs::remove(below(root, places.record()), trouble);
    for (auto deed = record.deeds.rbegin(); deed != record.deeds.rend(); ++deed)
        if (deed->kind == "folder")
            remove_folder(below(root, deed->path), say);
    return true;
}

} // namespace miraclemax::installation
