#include "run/examination.hpp"

#include "run/stored_files.hpp"
#include "run/witness.hpp"
#include "stream/digest.hpp"

#include <algorithm>

namespace miraclemax::run {
namespace {

namespace fs = std::filesystem;

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
    if (auto fault = check_manifest(folder, manifest.previous_id, manifest.previous_sha256,
                                    "the backup before it was changed: its sha256 is not the one named here"))
        examination.faults.push_back(std::move(*fault));
}

} // namespace

ExitCode worse(ExitCode one, ExitCode other, std::initializer_list<ExitCode> order) {
    for (const auto code : order)
        if (one == code || other == code)
            return code;
    return one != ExitCode::ok ? one : other;
}

ExitCode Examination::code() const {
    const auto any = [&](ExitCode code) {
        return std::any_of(faults.begin(), faults.end(),
                           [&](const Fault& each) { return each.code == code; });
    };
    if (faults.empty())
        return ExitCode::ok;
    return any(ExitCode::damaged) ? ExitCode::damaged : ExitCode::untrusted;
}

Outline outline_of(const fs::path& backup, const std::string& id, const Witness& witness) {
    Outline outline{.examination = {.id = id, .manifest = {}, .signer = {}, .faults = {}},
                    .json = {},
                    .signature = {},
                    .present = {}};
    auto& examination = outline.examination;
    const auto json = text_of(examination, backup, "manifest.json", catalog::longest_manifest);
    if (!json) {
        if (examination.faults.empty())
            add(examination, "manifest.json", "is missing, or no regular file");
        return outline;
    }
    outline.json = *json;
    read_manifest(examination, *json);
    const auto faults = examination.faults.size();
    outline.signature = text_of(examination, backup, "manifest.json.sig", longest_signature);
    if (examination.faults.size() == faults) // else it is there, and can't be read
        witness.judge(examination, *json, outline.signature);
    if (!examination.manifest)
        return outline;
    outline.present = check_layout(backup, *examination.manifest, examination.faults);
    check_sums(backup, *examination.manifest, stream::sha256_of(*json), outline.present, examination.faults);
    return outline;
}

Examination examine(const store::BackupFolder& folder, const std::string& id, const Witness& witness,
                    const Scope& scope) {
    const auto backup = is_folder(folder.path_of(id)) ? folder.path_of(id)
                                                      : folder.path_of(catalog::Catalog(folder).find(id).id);
    auto outline = outline_of(backup, id, witness);
    auto examination = std::move(outline.examination);
    if (!examination.manifest)
        return examination;
    if (!scope.components.empty())
        std::erase_if(examination.faults, [&](const Fault& fault) {
            const auto& only = scope.components;
            return fault.stray || (!fault.component.empty() &&
                                   std::find(only.begin(), only.end(), fault.component) == only.end());
        });
    check_chain(examination, folder);
    check_content(backup, *examination.manifest, outline.present, scope, examination.faults);
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
