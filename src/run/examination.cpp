#include "run/examination.hpp"

#include "run/stored_files.hpp"
#include "run/witness.hpp"
#include "stream/digest.hpp"

#include <sys/stat.h>

#include <algorithm>

namespace miraclemax::run {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t longest_manifest = std::size_t{64} << 20U; // as the catalog's
constexpr std::size_t longest_signature = std::size_t{64} << 10U;

bool is_folder(const fs::path& path) {
    struct stat status {};
    return ::lstat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

void add(Examination& examination, const std::string& where, const std::string& what) {
    examination.faults.push_back({.where = where, .what = what, .component = {}});
}

std::optional<std::string> text_of(Examination& examination, const fs::path& backup, const char* name,
                                   std::size_t longest) {
    try {
        return read_stored(backup / name, longest);
    } catch (const Error& error) {
        add(examination, name, error.what());
        return std::nullopt;
    }
}

void read_manifest(Examination& examination, const std::string& json) {
    try {
        auto manifest = catalog::parse_manifest(json);
        if (manifest.id != examination.id)
            add(examination, "manifest.json", "is that of the backup " + manifest.id);
        examination.manifest = std::move(manifest);
    } catch (const Error& error) {
        add(examination, "manifest.json", std::string("can't be understood: ") + error.what());
    }
}

// One before it that is not there any more is the chain's question (run/chain.hpp), and no reason not to
// restore this one.
void check_chain(Examination& examination, const store::BackupFolder& folder) {
    const auto& manifest = *examination.manifest;
    if (manifest.previous_id.empty() || !is_folder(folder.path_of(manifest.previous_id)))
        return;
    const auto where = "../" + manifest.previous_id + "/manifest.json";
    try {
        const auto json =
            read_stored(folder.path_of(manifest.previous_id) / "manifest.json", longest_manifest);
        if (!json && !is_folder(folder.path_of(manifest.previous_id)))
            return; // it was removed just now
        if (!json || stream::sha256_of(*json) != manifest.previous_sha256)
            add(examination, where, "the backup before it was changed: its sha256 is not the one named here");
    } catch (const Error& error) {
        add(examination, where, error.what());
    }
}

} // namespace

ExitCode Examination::code() const {
    const auto any = [&](ExitCode code) {
        return std::any_of(faults.begin(), faults.end(),
                           [&](const Fault& each) { return each.code == code; });
    };
    if (faults.empty())
        return ExitCode::ok;
    return any(ExitCode::damaged) ? ExitCode::damaged : ExitCode::untrusted;
}

Examination examine(const store::BackupFolder& folder, const std::string& id, const Witness& witness,
                    const Scope& scope) {
    const auto backup = is_folder(folder.path_of(id)) ? folder.path_of(id)
                                                      : folder.path_of(catalog::Catalog(folder).find(id).id);
    Examination examination{.id = id, .manifest = {}, .signer = {}, .faults = {}};
    const auto json = text_of(examination, backup, "manifest.json", longest_manifest);
    if (!json) {
        if (examination.faults.empty())
            add(examination, "manifest.json", "is missing, or no regular file");
        return examination;
    }
    read_manifest(examination, *json);
    const auto faults = examination.faults.size();
    const auto signature = text_of(examination, backup, "manifest.json.sig", longest_signature);
    if (examination.faults.size() == faults) // else it is there, and can't be read
        witness.judge(examination, *json, signature);
    if (!examination.manifest)
        return examination;
    const auto& manifest = *examination.manifest;
    const auto present = check_layout(backup, manifest, examination.faults);
    check_sums(backup, manifest, stream::sha256_of(*json), present, examination.faults);
    check_chain(examination, folder);
    check_content(backup, manifest, present, scope, examination.faults);
    return examination;
}

void note_files(catalog::Proof& proof, const Examination& examination, const std::vector<std::string>& only,
                const std::string& now) {
    const auto looked_at = [&](const std::string& name) {
        return only.empty() || std::find(only.begin(), only.end(), name) != only.end();
    };
    if (examination.manifest)
        for (const auto& each : examination.manifest->components) {
            if (!looked_at(each.name))
                continue;
            const bool bad = examination.signature == Signature::bad ||
                             std::any_of(examination.faults.begin(), examination.faults.end(),
                                         [&](const Fault& fault) { return fault.component == each.name; });
            if (bad)
                proof.damaged.insert(each.name);
            else
                proof.damaged.erase(each.name);
        }
    if (only.empty())
        proof.files_at = now;
}

} // namespace miraclemax::run
