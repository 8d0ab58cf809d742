#include "run/publication.hpp"
#include "run/stored_files.hpp"
#include "stream/digest.hpp"

#include <map>
#include <sstream>

namespace miraclemax::run {
namespace {

namespace fs = std::filesystem;

// "<sha256>  <path>" a line, by path. A line of another form stands by itself.
std::map<std::string, std::string> lines_of(const std::string& sums) {
    std::map<std::string, std::string> lines;
    std::istringstream text(sums);
    for (std::string each; std::getline(text, each);) {
        const auto gap = each.find("  ");
        const auto path = gap == std::string::npos ? each : each.substr(gap + 2);
        lines[path] = gap == std::string::npos ? "" : each.substr(0, gap);
    }
    return lines;
}

void compare_sums(const std::string& sums, const std::string& wanted, std::vector<Fault>& faults) {
    const auto add = [&](const std::string& where, const std::string& what) {
        faults.push_back({.where = where, .what = what, .component = {}});
    };
    const auto have = lines_of(sums), want = lines_of(wanted);
    const auto before = faults.size();
    for (const auto& [path, sha256] : want) {
        const auto line = have.find(path);
        if (line != have.end() && line->second == sha256)
            continue;
        if (line != have.end() && (path == "RESTORE.txt" || path == "manifest.json"))
            add(path, "its sha256 is not the one in SHA256SUMS");
        else
            add("SHA256SUMS", (line == have.end() ? "has no line for " : "has another sha256 for ") + path);
    }
    for (const auto& [path, sha256] : have)
        if (!want.contains(path)) {
            add("SHA256SUMS", "has a line that the manifest does not imply");
            break;
        }
    if (faults.size() == before)
        add("SHA256SUMS", "was changed: it says the same in another form");
}

} // namespace

void check_sums(const fs::path& backup, const catalog::Manifest& manifest, const std::string& manifest_sha256,
                const std::set<std::string>& present, std::vector<Fault>& faults) {
    try {
        std::string restore_sha256 = manifest.restore_sha256;
        if (present.contains("RESTORE.txt")) {
            const auto text = read_stored(backup / "RESTORE.txt", longest_text);
            restore_sha256 = stream::sha256_of(text.value_or(""));
            if (!manifest.restore_sha256.empty() && restore_sha256 != manifest.restore_sha256)
                faults.push_back({.where = "RESTORE.txt",
                                  .what = "its sha256 is not the manifest's: do not follow it",
                                  .component = {}});
        }
        if (!present.contains("SHA256SUMS"))
            return;
        const auto sums = read_stored(backup / "SHA256SUMS", longest_text).value_or("");
        const auto wanted = sums_of(manifest, manifest_sha256, restore_sha256);
        if (sums != wanted)
            compare_sums(sums, wanted, faults);
    } catch (const Error& error) {
        faults.push_back({.where = "SHA256SUMS, RESTORE.txt", .what = error.what(), .component = {}});
    }
}

} // namespace miraclemax::run
