#include "run/chain.hpp"

#include "run/stored_files.hpp"
#include "stream/digest.hpp"

#include <set>

namespace miraclemax::run {
namespace {

namespace fs = std::filesystem;

Fault broken(std::string where, std::string what, ExitCode code = ExitCode::damaged) {
    return {
        .where = std::move(where), .what = std::move(what), .component = {}, .code = code, .of_chain = true};
}

std::string shown(const std::string& id) {
    return "../.removed/" + id + ".json";
}

} // namespace

fs::path removal_folder(const store::BackupFolder& folder) {
    return folder.removal_records();
}

fs::path removal_file(const store::BackupFolder& folder, const std::string& id) {
    return removal_folder(folder) / (folder.path_of(id).filename().string() + ".json");
}

std::optional<Fault> Chain::check_present(const Link& link) const {
    return check_manifest(folder_, link.id, link.sha256,
                          "was changed: its sha256 is not the one that the record of the removal of " +
                              link.after + " names");
}

std::optional<Chain::Read> Chain::read(const Link& link, Fault& fault) const {
    try {
        const auto json = read_stored(removal_file(folder_, link.id), longest_removal_record);
        if (!json) {
            fault = broken(link.id, "is missing before " + link.after +
                                        ", and no signed record says that it was removed (if it was, say "
                                        "`miraclemax prune --gone " +
                                        link.id + "`)");
            return std::nullopt;
        }
        Read read{.record = catalog::parse_removal_record(*json), .sha256 = stream::sha256_of(*json)};
        if (read.record.id != link.id || read.record.manifest_sha256 != link.sha256) {
            fault = broken(shown(link.id),
                           "is of another backup, and the one before " + link.after + " is missing");
            return std::nullopt;
        }
        if (read.sha256 == link.record_sha256)
            return read;
        const auto signature =
            read_stored(removal_file(folder_, link.id).string() + ".sig", longest_signature);
        const auto testimony = witness_.hear({.noun = "record",
                                              .file = shown(link.id),
                                              .bytes = *json,
                                              .signature = signature,
                                              .signer = read.record.signer,
                                              .signer_key = read.record.signer_key});
        if (testimony.what.empty())
            return read;
        fault =
            broken(testimony.where, testimony.what + ", and " + link.id + " is missing before " + link.after,
                   ExitCode::untrusted);
    } catch (const Error& error) {
        fault = broken(shown(link.id),
                       std::string(error.what()) + ", and " + link.id + " is missing before " + link.after);
    }
    return std::nullopt;
}

std::optional<Fault> Chain::gap_before(const catalog::Manifest& manifest) const {
    Link link{.id = manifest.previous_id,
              .sha256 = manifest.previous_sha256,
              .record_sha256 = {},
              .after = manifest.id};
    std::set<std::string> seen; // records that nobody signed may lead in a circle
    while (!link.id.empty() && seen.insert(link.id).second) {
        // Its record is there before it goes: first the backup is looked for, then the record.
        if (is_folder(folder_.path_of(link.id)))
            return link.after == manifest.id ? std::nullopt : check_present(link);
        Fault fault;
        const auto found = read(link, fault);
        if (!found)
            return fault;
        if (!found->record.doubt.empty())
            return broken(shown(link.id),
                          "says that the manifest of " + link.id + ", which was removed, was not believed (" +
                              found->record.doubt +
                              "): what was before it is not known (if this is right, say `miraclemax prune "
                              "--gone " +
                              link.id + "`)",
                          ExitCode::untrusted);
        if (!found->record.previous_known)
            return std::nullopt;
        link = {.id = found->record.previous_id,
                .sha256 = found->record.previous_sha256,
                .record_sha256 = found->record.previous_record_sha256,
                .after = link.id};
    }
    return std::nullopt;
}

std::string Chain::believed_record(const std::string& id, const std::string& manifest_sha256) const {
    Fault fault;
    const auto found = read({.id = id, .sha256 = manifest_sha256, .record_sha256 = {}, .after = {}}, fault);
    return found && found->record.doubt.empty() ? found->sha256 : "";
}

} // namespace miraclemax::run
