#include "run/backup.hpp"

#include "run/execution.hpp"
#include "run/group_backup.hpp"
#include "run/publication.hpp"
#include "run/signing_key.hpp"
#include "run/undo_restore.hpp"

#include <fmt/format.h>

#include <future>

namespace miraclemax::run {
namespace {

catalog::Manifest begin_manifest(const Context& context, const Host& host, const Request& request,
                                 const std::string& id, const SigningKey& signer) {
    return {.version = 1,
            .id = id,
            .host = host.info.hostname,
            .instance = context.settings.instance,
            .tool = "miraclemax " MIRACLEMAX_VERSION,
            .began = local_time(std::chrono::system_clock::now()),
            .podman = host.info.version,
            .partial = !request.components.empty(),
            .signer = signer.fingerprint,
            .signer_key = signer.armored,
            .safety = request.safety};
}

struct OpenedKeys {
    SigningKey signer;
    Keys keys;
};

// A key that can't sign is told before anything is read.
OpenedKeys open_keys(const Settings& settings) {
    return {.signer = settings.signing ? signing_key(settings) : SigningKey{}, .keys = load_keys(settings)};
}

void warn_of_space(const Context& context, const Plan& plan, const store::BackupFolder& folder) {
    const auto free = folder.free_bytes();
    if (plan.expected_bytes > free)
        context.observer.warned(
            fmt::format("the last backup of these components took {} bytes, and {} has {} left",
                        plan.expected_bytes, folder.root().string(), free));
}

std::vector<std::string> names_of(const Plan& plan) {
    std::vector<std::string> names;
    for (const auto& group : plan.groups)
        for (const auto& member : group.members)
            names.push_back(member.component.name);
    return names;
}

// The run's results as they come in.
class Harvest {
public:
    Harvest(const Context& context, const catalog::Catalog& catalog, BackupResult& result)
        : context_(context), catalog_(catalog), result_(result) {}

    void add(catalog::FailedComponent failed) {
        failed.last_good = catalog_.last_good(failed.name).value_or("");
        context_.observer.failed(failed);
        result_.manifest.failed.push_back(std::move(failed));
    }
    void add(const component::Problem& problem) {
        add({.name = problem.component, .reason = problem.what, .remedy = problem.remedy});
    }
    void add(GroupOutcome outcome) {
        for (auto& record : outcome.stored) {
            context_.observer.succeeded(record);
            result_.manifest.components.push_back(std::move(record));
        }
        for (auto& failed : outcome.failed)
            add(std::move(failed));
        if (!outcome.released)
            result_.unreleased.push_back(outcome.unreleased);
    }

private:
    const Context& context_;
    const catalog::Catalog& catalog_;
    BackupResult& result_;
};

ExitCode judge(BackupResult& result) {
    auto& manifest = result.manifest;
    manifest.complete = manifest.failed.empty();
    for (const auto& component : manifest.components)
        manifest.complete = manifest.complete && component.complete && component.freeze.consistent;
    if (!result.unreleased.empty())
        return ExitCode::not_released;
    if (manifest.components.empty())
        return ExitCode::failed;
    return manifest.complete ? ExitCode::ok : ExitCode::incomplete;
}

// What lies aside from a restore is let go once a good backup of what took its place exists.
std::vector<std::string> whole_components(const catalog::Manifest& manifest) {
    std::vector<std::string> names;
    for (const auto& each : manifest.components)
        if (each.complete && each.freeze.consistent)
            names.push_back(each.name);
    return names;
}

BackupResult conclude(const Context& context, store::BackupFolder& folder, store::Partial& partial,
                      Execution& execution, BackupResult result) {
    const auto ended = std::chrono::system_clock::now();
    result.manifest.ended = local_time(ended);
    result.manifest.ended_utc = utc_time(ended);
    result.code = judge(result);
    if (!result.manifest.components.empty()) {
        result.manifest = publish(context, folder, partial, std::move(result.manifest));
        result.published = true;
        result.latest = folder.latest() == result.manifest.id;
        if (result.code == ExitCode::ok && !result.latest && !result.manifest.partial)
            result.code = ExitCode::incomplete;
        let_go(context, execution.run(), whole_components(result.manifest));
    }
    execution.close();
    return result;
}

// A container that is not as it was weighs more than whatever else went wrong.
[[noreturn]] void throw_on(const Error& error, const BackupResult& result) {
    if (result.unreleased.empty())
        throw error;
    throw Error(ExitCode::not_released, result.unreleased.front() + "; " + error.what(),
                "run `miraclemax recover`");
}

} // namespace

BackupResult backup(const Context& context, const Request& request) {
    store::BackupFolder folder(context.settings.backups);
    const auto lock = folder.lock();
    undo_dead_runs(context, true, Unstarted::blocks); // it would let go of what lies aside
    return backup_under_lock(context, request);
}

BackupResult backup_under_lock(const Context& context, const Request& request) {
    store::BackupFolder folder(context.settings.backups);
    try {
        folder.sweep();
    } catch (const Error& error) { // a new backup has a name of its own
        context.observer.warned(error.what());
    }

    Execution execution(context);
    auto opened = std::async(std::launch::async, [&] { return open_keys(context.settings); });
    const Host host = survey(context.engine, context.self_id); // meanwhile: both wait for other programs
    const catalog::Catalog catalog(folder);
    const auto [signer, keys] = opened.get();
    const Plan plan = make_plan(context.settings, host, keys, &catalog, request);

    store::Partial partial(folder.root(), folder.next_id(std::chrono::system_clock::now()));
    BackupResult result{.manifest = begin_manifest(context, host, request, partial.id(), signer),
                        .unreleased = {}};
    Harvest harvest(context, catalog, result);
    context.observer.began(partial.id(), names_of(plan));
    for (const auto& warning : plan.warnings)
        context.observer.warned(warning);
    warn_of_space(context, plan, folder);

    for (const auto& problem : plan.problems)
        harvest.add(problem);
    try {
        for (const auto& group : plan.groups)
            harvest.add(
                back_up_group(context, execution.run(), host, group, keys, execution.journal(), partial));
        return conclude(context, folder, partial, execution, result);
    } catch (const Error& error) {
        throw_on(error, result);
    }
}

} // namespace miraclemax::run
