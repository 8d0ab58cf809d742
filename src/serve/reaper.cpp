#include "serve/reaper.hpp"

#include <charconv>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>

#include <sys/wait.h>
#include <unistd.h>

namespace miraclemax::serve {
namespace {

// proc(5): "pid (comm) state ppid …", the start time is field 22. Empty: no ended child of ours.
std::string start_of_ended_child(const std::filesystem::path& folder) {
    std::ifstream file(folder / "stat");
    std::string text{std::istreambuf_iterator<char>(file), {}};
    const auto name_end = text.rfind(')');
    if (name_end == std::string::npos)
        return {};
    std::istringstream words(text.substr(name_end + 1));
    std::string state;
    std::string word;
    pid_t parent = 0;
    words >> state >> parent;
    for (int field = 5; field <= 22; ++field)
        words >> word;
    return words && state == "Z" && parent == ::getpid() ? word : "";
}

std::map<pid_t, std::string> ended_children() {
    std::map<pid_t, std::string> found;
    std::error_code trouble;
    for (auto entry = std::filesystem::directory_iterator("/proc", trouble);
         !trouble && entry != std::filesystem::directory_iterator(); entry.increment(trouble)) {
        const auto name = entry->path().filename().string();
        pid_t pid = 0;
        const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), pid);
        if (error != std::errc() || end != name.data() + name.size())
            continue;
        if (auto start = start_of_ended_child(entry->path()); !start.empty())
            found[pid] = std::move(start);
    }
    return found;
}

} // namespace

void Reaper::round() {
    if (!first_process_)
        return;
    auto now = ended_children();
    for (auto each = now.begin(); each != now.end();) {
        const auto before = seen_.find(each->first);
        if (before == seen_.end() || before->second != each->second) {
            ++each;
            continue;
        }
        ::waitpid(each->first, nullptr, WNOHANG);
        each = now.erase(each);
    }
    seen_ = std::move(now);
}

} // namespace miraclemax::serve
