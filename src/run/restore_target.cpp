#include "run/restore_target.hpp"

#include "component/bound_volume.hpp"
#include "component/paths.hpp"
#include "error.hpp"
#include "run/context.hpp"
#include "run/emptied.hpp"
#include "run/restore_place.hpp"
#include "run/unpacking.hpp"

#include <algorithm>

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

// A dead run's half-moved names wait for a recovery, which takes podman: until then nothing is moved onto
// them.
void need_whole(const Settings& settings, const RestoredComponent& target) {
    for (const auto& record : RestoreRecords(settings).all()) {
        const auto& parts = record.components;
        if (std::any_of(
                parts.begin(), parts.end(),
                [&](const auto& each) { return each.step != Step::emptied && holds_up(record, each); }) &&
            std::any_of(parts.begin(), parts.end(), [&](const auto& each) {
                return !each.path.empty() && component::overlap(each.path, target.path);
            }))
            throw Error(ExitCode::not_released,
                        target.path + " is half moved: the restore " + record.run + " was cut off",
                        "restore into another folder, or `miraclemax recover` once podman is there");
    }
}

bool is_empty(const Context& context, const std::string& run, const Host& host, RestoredComponent target) {
    target.only.clear();
    auto calm = context;
    calm.stop = {}; // an interruption is what such a volume is left by
    return room_at(calm, host, run, {.run = run, .at = {}, .components = {}}, target).empty;
}

bool is_that(const std::optional<podman::Volume>& volume, const RestoredComponent& made) {
    return volume && volume->driver == "local" && volume->options.empty() &&
           !made.volume_created_at.empty() && volume->created_at == made.volume_created_at;
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
        if (!host.no_podman.empty())
            need_whole(context.settings, target);
        make_folder(context, run, host, target, target.single ? parent_of(source.path) : source.path);
    }
    return target;
}

void unmake_target(const Context& context, const std::string& run, const Host& host,
                   const RestoredComponent& target) {
    const auto& name = target.volume;
    auto& engine = context.engine;
    try {
        // The last look is right before: from there on podman refuses for who has it.
        if (is_that(engine.volume(name), target) && is_empty(context, run, host, target) &&
            is_that(engine.volume(name), target))
            return engine.delete_volume(name);
    } catch (const std::exception&) { // it is named
    }
    context.observer.warned(target.component + ": volume " + name +
                            ", made for this restore, stays and holds nothing of it: `podman volume rm " +
                            name + "`");
}

} // namespace miraclemax::run
