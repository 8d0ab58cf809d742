#include "run/publication.hpp"

#include "run/signing_key.hpp"
#include "stream/digest.hpp"
#include "stream/file.hpp"

#include <algorithm>

namespace miraclemax::run {
namespace {

// To the newest whose manifest can be read: one that can't is no reason to go without a new backup.
void link_to_previous(const Context& context, const store::BackupFolder& folder,
                      catalog::Manifest& manifest) {
    const auto records = catalog::Catalog(folder).records();
    for (auto each = records.rbegin(); each != records.rend(); ++each)
        try {
            if (!each->manifest)
                throw Error(ExitCode::failed, each->trouble);
            manifest.previous_sha256 =
                stream::digest_of_file(folder.path_of(each->id) / "manifest.json").sha256;
            manifest.previous_id = each->id;
            return;
        } catch (const Error& error) {
            context.observer.warned(
                "the new backup does not name " + each->id +
                " as the one before it, since its manifest can't be read: " + error.what());
        }
}

// Holds every component that is not optional: nothing failed, nothing was left out by name.
bool may_be_latest(const catalog::Manifest& manifest) {
    return !manifest.partial && std::all_of(manifest.failed.begin(), manifest.failed.end(),
                                            [](const auto& failed) { return failed.optional; });
}

// The backup is published by now: no error may say otherwise.
void move_latest(const Context& context, store::BackupFolder& folder, const std::string& id) {
    try {
        folder.set_latest(id);
    } catch (const Error& error) {
        context.observer.warned("the backup is published, but `latest` could not be moved to it: " +
                                std::string(error.what()));
    }
}

} // namespace

std::string sums_of(const catalog::Manifest& manifest, const std::string& manifest_sha256,
                    const std::string& restore_sha256) {
    std::vector<catalog::Sum> sums{{.sha256 = manifest_sha256, .path = "manifest.json"},
                                   {.sha256 = restore_sha256, .path = "RESTORE.txt"}};
    for (const auto& component : manifest.components)
        for (const auto* file : {&component.archive.file, &component.inventory, &component.report})
            if (!file->path.empty())
                sums.push_back({.sha256 = file->sha256, .path = file->path});
    return catalog::sha256sums(std::move(sums));
}

catalog::Manifest publish(const Context& context, store::BackupFolder& folder, store::Partial& partial,
                          catalog::Manifest manifest) {
    link_to_previous(context, folder, manifest);
    const auto restore = catalog::restore_text(manifest);
    manifest.restore_sha256 = stream::sha256_of(restore); // its commands are signed with the manifest
    const auto json = catalog::to_json(manifest);
    partial.write("manifest.json", json);
    partial.write("RESTORE.txt", restore);
    partial.write("SHA256SUMS", sums_of(manifest, stream::sha256_of(json), manifest.restore_sha256));
    if (!manifest.signer.empty())
        partial.write("manifest.json.sig", sign(context.settings, manifest.signer, json));
    partial.publish();
    if (may_be_latest(manifest))
        move_latest(context, folder, manifest.id);
    return manifest;
}

} // namespace miraclemax::run
