#include "run/restore_target.hpp"

#include "component/bound_volume.hpp"
#include "component/discovery.hpp"
#include "component/paths.hpp"
#include "error.hpp"
#include "run/bare_recovery.hpp"
#include "run/context.hpp"
#include "run/restore_place.hpp"
#include "run/unpacking.hpp"
#include "stream/fault_point.hpp"

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
// host's folders can't be seen. True: it had to be made.
bool make_folder(const Context& context, const std::string& run, const Host& host, RestoredComponent target,
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
            return folder != base;
        } catch (const Error& error) {
            if (error.code() == ExitCode::interrupted || base == "/")
                throw first ? *first : error;
            if (!first)
                first = error;
        }
    }
}

// A dead run's half-moved names wait for a recovery: until then nothing is moved onto them.
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
                        std::string("restore into another folder, or run `miraclemax recover`") +
                            (needs_no_podman(record) ? "" : " once podman is there"));
    }
}

bool is_that(const std::optional<podman::Volume>& volume, const std::string& run,
             const RestoredComponent& made) {
    if (!volume)
        return false;
    if (!made.volume_created_at.empty())
        return volume->created_at == made.volume_created_at;
    const auto label = volume->labels.find(made_by);
    return label != volume->labels.end() && label->second == run;
}

bool is_empty(const Settings& settings, podman::Engine& engine, const Host& host, const std::string& run,
              RestoredComponent made) {
    made.only.clear();
    // Not to be interrupted: an interruption is what such a volume is left by.
    return room_at(settings, engine, host, run, {.run = run, .at = {}, .components = {}}, made).empty;
}

// A dead restore had made it when this one was planned, and its recovery has removed it since.
bool vanished(const RestoreItem& item, const Host& host) {
    const auto& source = item.target.source;
    return host.no_podman.empty() && source.kind == component::Source::Kind::volume &&
           std::none_of(host.volumes.begin(), host.volumes.end(),
                        [&](const auto& volume) { return volume.name == source.volume; });
}

// On disk before there is anything to remove again.
podman::Volume make_volume(podman::Engine& engine, const RestoreItem& item, const RestoreRequest& request,
                           RestoreRecords& records, RestoreRecord& record, RestoredComponent target) {
    target.step = Step::making;
    target.made = true;
    record.components.push_back(target);
    records.keep(record);
    auto spec = spec_of(item, request);
    spec.labels[made_by] = record.run;
    MIRACLEMAX_FAULT_POINT("volume.make");
    auto volume = engine.create_volume(spec);
    MIRACLEMAX_FAULT_POINT("volume.made");
    auto& made = find(record, target.component);
    made.step = Step::staging;
    made.volume_created_at = volume.created_at;
    made.path = component::data_path(volume);
    records.keep(record);
    return volume;
}

} // namespace

Target make_target(const Context& context, const Host& host, const RestoreItem& item,
                   const RestoreRequest& request, const std::string& group, RestoreRecords& records,
                   RestoreRecord& record) {
    const auto& source = item.target.source;
    RestoredComponent target{.component = item.record.name,
                             .backup = item.id,
                             .volume = source.volume,
                             .volume_created_at = source.created_at,
                             .path = source.path,
                             .single = is_single_file(item.record),
                             .only = request.only,
                             .beside = request.beside(),
                             .group = group};
    if (item.new_volume || (item.in_place.empty() && vanished(item, host))) {
        target.volume_created_at.clear();
        target.path.clear();
        const auto volume = make_volume(context.engine, item, request, records, record, target);
        target = find(record, target.component);
        if (component::bound_device(volume)) {
            auto at = target;
            at.volume.clear();
            make_folder(context, record.run, host, at, target.path);
        }
        return {.component = target, .made = true};
    }
    bool made = false;
    if (source.kind == component::Source::Kind::path) {
        if (!host.no_podman.empty())
            need_whole(context.settings, target);
        const auto folder = target.single ? parent_of(source.path) : source.path;
        made = make_folder(context, record.run, host, target, folder);
        if (!made && !request.to.empty() && request.only.empty() &&
            !is_empty(context.settings, context.engine, host, record.run, target))
            throw Error(ExitCode::failed, "there is something in " + folder + " already",
                        "name a new folder: --to never touches what is there");
    }
    record.components.push_back(target);
    records.keep(record);
    return {.component = target, .made = made};
}

std::string unmake_target(const Settings& settings, podman::Engine& engine, const Host& host,
                          const std::string& run, const RestoredComponent& target) {
    const Host now = look_again(engine, host);
    const auto volume = std::find_if(now.volumes.begin(), now.volumes.end(),
                                     [&](const auto& each) { return each.name == target.volume; });
    if (volume == now.volumes.end())
        return {};
    if (!is_that(*volume, run, target))
        return not_ours;
    if (volume->driver != "local" || !volume->options.empty())
        return "it is no plain local one";
    auto made = target;
    made.volume_created_at = volume->created_at;
    made.path = component::data_path(*volume);
    if (const auto* user = component::user_of(*volume, now.containers))
        return "container " + user->name + " has it";
    if (!is_empty(settings, engine, now, run, made))
        return "it holds something";
    // The last look is right before: from there on podman refuses for who has it.
    if (!is_that(engine.volume(target.volume), run, made))
        return not_ours;
    engine.delete_volume(target.volume);
    return {};
}

} // namespace miraclemax::run
