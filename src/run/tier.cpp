#include "run/tier.hpp"

#include "error.hpp"
#include "run/prune.hpp"
#include "run/stored_files.hpp"
#include "stream/digest.hpp"
#include "stream/file.hpp"

#include <sys/random.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>

namespace miraclemax::run {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t longest_mark = 4096;

fs::path mark_in(const Tier& tier) {
    return tier.folder / ".miraclemax-tier";
}

fs::path known_mark(const Settings& settings, const Tier& tier) {
    return settings.tier_state(tier.name) / "mark";
}

std::string new_mark() {
    std::array<char, 32> bytes{};
    if (::getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size()))
        throw Error(ExitCode::failed, "the system gives no random bytes");
    return stream::sha256_of({bytes.data(), bytes.size()}) + "\n";
}

std::optional<std::string> read_mark(const fs::path& file) {
    try {
        return read_stored(file, longest_mark);
    } catch (const Error& error) {
        throw Error(ExitCode::destination, file.string() + " " + error.what());
    }
}

bool on_one_file_system(const fs::path& one, const fs::path& other) {
    struct stat first {};
    struct stat second {};
    return ::stat(one.c_str(), &first) == 0 && ::stat(other.c_str(), &second) == 0 &&
           first.st_dev == second.st_dev;
}

} // namespace

Settings settings_for(const Settings& settings, const Tier& tier) {
    auto own = settings;
    own.backups = tier.folder;
    own.retention.rules = rules_of(tier.keep, settings.retention.rules);
    own.tier = tier.name;
    return own;
}

void require_set_up(const Settings& settings, const Tier& tier) {
    const auto mark = read_mark(mark_in(tier));
    if (!mark)
        throw Error(
            ExitCode::destination, tier.folder.string() + " has no mark of a tier: is it mounted there?",
            "mount it; a new tier is set up once by `miraclemax replicate --init --tier " + tier.name + "`");
    if (mark != read_mark(known_mark(settings, tier)))
        throw Error(ExitCode::destination,
                    tier.folder.string() + " is the tier of another miraclemax, or this one's state was lost",
                    "give each host a folder of its own; if its state was lost, `miraclemax replicate --init "
                    "--tier " +
                        tier.name + "` takes the tier over");
}

std::string set_up(const Settings& settings, const Tier& tier) {
    std::error_code trouble;
    if (!fs::is_directory(tier.folder, trouble))
        throw Error(ExitCode::destination, "the folder " + tier.folder.string() + " is missing",
                    "mount it, or create it: mkdir -m 0700 " + tier.folder.string());
    const auto there = read_mark(mark_in(tier));
    if (there && there == read_mark(known_mark(settings, tier)))
        return {};
    const auto mark = new_mark();
    stream::replace_file(mark_in(tier), mark);
    // What was known of the tier before is of another folder, or of another's backups.
    fs::remove_all(settings.tier_state(tier.name), trouble);
    fs::create_directories(settings.tier_state(tier.name), trouble);
    fs::permissions(settings.state / "tiers", fs::perms::owner_all, trouble);
    fs::permissions(settings.tier_state(tier.name), fs::perms::owner_all, trouble);
    stream::replace_file(known_mark(settings, tier), mark);
    if (on_one_file_system(tier.folder, "/") || on_one_file_system(tier.folder, settings.backups))
        return tier.folder.string() + " lies on the same file system as " +
               (on_one_file_system(tier.folder, "/") ? "/" : "the backup folder") +
               ": if a share should be mounted there, it is not (mount it, and say --init again)";
    return {};
}

} // namespace miraclemax::run
