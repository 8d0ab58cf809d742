#include "run/restore_target.hpp"

#include "component/bound_volume.hpp"
#include "component/paths.hpp"
#include "error.hpp"
#include "run/context.hpp"
#include "run/restore_place.hpp"
#include "run/unpacking.hpp"

namespace miraclemax::run {
namespace {

podman::VolumeSpec spec_of(const RestoreItem& item, const RestoreRequest& request) {
    const auto& was = item.record.source;
    podman::VolumeSpec spec{.name = item.target.source.volume};
    if (!request.into.empty())
        return spec;
    spec.driver = was.driver;
    spec.labels = was.labels;
    spec.options = was.options;
    return spec;
}

std::string parent_of(const std::string& path) {
    const auto slash = path.rfind('/');
    return slash == 0 || slash == std::string::npos ? "/" : path.substr(0, slash);
}

// Tries the folder itself, then those above it, until one is there to make the rest in: from a sidecar the
// host's folders can't be seen.
void make_folder(const Context& context, const std::string& run, const Host& host, RestoredComponent target,
                 const std::string& folder) {
    const RestoreRecord record{.run = run, .at = {}, .components = {}};
    target.single = false;
    target.only.clear();
    std::optional<Error> first;
    for (std::string base = folder;; base = parent_of(base)) {
        target.path = base;
        const auto missing = folder.substr(base == "/" ? 1 : std::min(folder.size(), base.size() + 1));
        try {
            settler(context.settings, context.engine, host, run, record, target,
                    worker::Settling::make_folder, folder == base ? "" : missing)
                ->finish(context.stop);
            return;
        } catch (const Error& error) {
            if (error.code() == ExitCode::interrupted || base == "/")
                throw first ? *first : error;
            if (!first)
                first = error;
        }
    }
}

} // namespace

RestoredComponent make_target(const Context& context, const std::string& run, const Host& host,
                              const RestoreItem& item, const RestoreRequest& request) {
    const auto& source = item.target.source;
    RestoredComponent target{.component = item.record.name,
                             .backup = item.id,
                             .volume = source.volume,
                             .volume_created_at = source.created_at,
                             .path = source.path,
                             .single = is_single_file(item.record),
                             .only = request.only,
                             .beside = request.beside()};
    if (item.new_volume) {
        const auto volume = context.engine.create_volume(spec_of(item, request));
        target.volume_created_at = volume.created_at;
        target.path = component::data_path(volume);
        if (component::bound_device(volume))
            make_folder(
                context, run, host,
                [&] {
                    auto at = target;
                    at.volume.clear();
                    return at;
                }(),
                target.path);
    } else if (source.kind == component::Source::Kind::path) {
        make_folder(context, run, host, target, target.single ? parent_of(source.path) : source.path);
    }
    return target;
}

} // namespace miraclemax::run
