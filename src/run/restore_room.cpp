#include "run/restore_room.hpp"

#include "error.hpp"
#include "run/restore_place.hpp"
#include "run/unpacking.hpp"

#include <algorithm>
#include <filesystem>

namespace miraclemax::run {
namespace {

// Of the folder, or of the one above it that is there already.
std::optional<archive::Space> space_above(std::filesystem::path folder) {
    std::error_code trouble;
    while (!std::filesystem::is_directory(folder, trouble) && folder.has_relative_path())
        folder = folder.parent_path();
    try {
        return archive::space_of(
            {.root = std::filesystem::canonical(folder), .single = false, .run = new_run_name(), .only = {}});
    } catch (const std::exception&) {
        return std::nullopt;
    }
}

} // namespace

bool never_mounted(const Host& host, const component::Source& source) {
    return source.plain() &&
           std::any_of(host.volumes.begin(), host.volumes.end(), [&](const podman::Volume& volume) {
               return volume.name == source.volume && volume.needs_copy_up && volume.needs_chown;
           });
}

RestoreRoom::~RestoreRoom() {
    if (execution_)
        execution_->close();
}

std::optional<archive::Space> RestoreRoom::at(const RestoreItem& item, const RestoreRequest& request) {
    const auto& source = item.target.source;
    if (item.new_volume || never_mounted(host_, source))
        return of_volume_store(item);
    if (source.kind == component::Source::Kind::volume || request.in_place) // it sees what can't be emptied
        return by_settler(item);
    if (!host_.self)
        return space_above(source.path);
    // A sidecar sees no folder of the host, and no helper can mount what may not be there yet.
    return request.beside() ? std::nullopt : by_settler(item);
}

// A sidecar sees the file system of podman's volumes where one of its own is mounted.
std::optional<archive::Space> RestoreRoom::of_volume_store(const RestoreItem& item) const {
    const auto& was = item.record.source;
    const bool plain = item.target.source.volume != was.volume || // of --into
                       ((was.driver.empty() || was.driver == "local") && was.options.empty());
    const std::string& store = host_.info.volume_path;
    if (!plain || store.empty())
        return std::nullopt;
    if (!host_.self)
        return space_above(store);
    for (const auto& mount : host_.self->mounts)
        if (mount.type == "volume" && mount.source == store + "/" + mount.name + "/_data")
            return space_above(mount.destination);
    return std::nullopt;
}

std::optional<archive::Space> RestoreRoom::by_settler(const RestoreItem& item) {
    const auto& source = item.target.source;
    const RestoredComponent there{.component = item.record.name,
                                  .backup = item.id,
                                  .volume = source.volume,
                                  .volume_created_at = source.created_at,
                                  .path = source.path,
                                  .single = is_single_file(item.record),
                                  .only = {}};
    try {
        if (!execution_)
            execution_.emplace(context_);
        const RestoreRecord record{.run = execution_->run(), .at = {}, .components = {}};
        return room_at(context_.settings, context_.engine, host_, execution_->run(), record, there,
                       context_.stop);
    } catch (const Error& error) {
        if (error.code() == ExitCode::interrupted)
            throw;
        return std::nullopt;
    }
}

} // namespace miraclemax::run
