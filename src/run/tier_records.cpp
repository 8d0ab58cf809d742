#include "run/tier_records.hpp"

#include "error.hpp"
#include "run/removals.hpp"
#include "run/stored_files.hpp"

#include <algorithm>

namespace miraclemax::run {
namespace {

namespace fs = std::filesystem;

void bring_record(const fs::path& from, const fs::path& to) {
    const auto json = read_stored(from, longest_removal_record);
    const auto signature = read_stored(from.string() + ".sig", longest_signature);
    if (json)
        write_record(to, *json, signature.value_or(""));
}

} // namespace

std::vector<std::string> bring_records(const store::BackupFolder& from, const store::BackupFolder& to,
                                       const std::set<std::string>& held) {
    std::vector<std::string> warnings;
    for (const auto& file : files_in(removal_folder(from))) {
        const auto id = file.stem().string();
        if (file.extension() != ".json" || !store::is_backup_id(id) || is_there(from.path_of(id)) ||
            is_there(to.path_of(id)) || is_there(removal_file(to, id)) || held.contains(id))
            continue;
        try {
            bring_record(file, removal_file(to, id));
        } catch (const Error& error) {
            if (error.code() == ExitCode::destination)
                throw;
            warnings.push_back("the record of the removal of " + id + " was not copied: " + error.what());
        }
    }
    return warnings;
}

void mirror_marks(const store::BackupFolder& from, store::BackupFolder& to) {
    const auto ids = to.ids();
    for (const auto& id : ids) {
        if (!is_there(from.path_of(id)))
            continue;
        const bool wanted = from.is_pinned(id);
        if (wanted == to.is_pinned(id))
            continue;
        if (wanted)
            to.pin(id);
        else
            to.unpin(id);
    }
    const auto latest = from.latest();
    if (latest && latest != to.latest() && std::find(ids.begin(), ids.end(), *latest) != ids.end())
        to.set_latest(*latest);
}

} // namespace miraclemax::run
