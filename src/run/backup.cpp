#include "run/backup.hpp"

#include "run/group_backup.hpp"
#include "run/publication.hpp"
#include "run/recover.hpp"
#include "run/signing_key.hpp"
#include "stream/file.hpp"

#include <fmt/format.h>

#include <sys/stat.h>

#include <cerrno>

namespace miraclemax::run {
namespace {

// What a dead run left comes first: its frozen containers would be taken for ones that the user paused.
void undo_dead_runs(const Context& context) {
    const auto recovery = recover(context.settings, context.engine);
    for (const auto& warning : recovery.containers.warnings)
        context.observer.warned(warning);
    std::string stuck;
    for (const auto& each : recovery.containers.containers) {
        context.observer.warned("left by run " + each.run + ": container " + each.name + " " + each.what);
        if (!each.ok)
            stuck += (stuck.empty() ? "" : ", ") + each.name + " (" + each.what + ")";
    }
    // A journal that can't be read: nobody knows what that run froze.
    if (!recovery.containers.ok() && stuck.empty() && !recovery.containers.warnings.empty())
        stuck = recovery.containers.warnings.front();
    if (!stuck.empty())
        throw Error(ExitCode::not_released,
                    "an earlier run left containers that could not be put back: " + stuck,
                    "put them back by hand, then run `miraclemax recover`");
}

// Control sockets of runs that were killed.
void drop_old_controls(const Settings& settings) {
    std::error_code trouble;
    for (const auto& entry : std::filesystem::directory_iterator(settings.control(), trouble))
        if (!quiesce::alive(settings.journals(), entry.path().filename().string()))
            std::filesystem::remove_all(entry.path(), trouble);
}

// The folder of this run's control sockets.
class ControlFolder {
public:
    explicit ControlFolder(std::filesystem::path path) : path_(std::move(path)) {
        std::error_code trouble;
        std::filesystem::create_directories(path_.parent_path(), trouble);
        if (::mkdir(path_.c_str(), 0700) != 0)
            throw stream::write_error("create", path_, errno);
    }
    ~ControlFolder() {
        std::error_code trouble; // the next run drops what stays
        std::filesystem::remove_all(path_, trouble);
    }
    ControlFolder(const ControlFolder&) = delete;
    ControlFolder& operator=(const ControlFolder&) = delete;

private:
    std::filesystem::path path_;
};

catalog::Manifest begin_manifest(const Context& context, const Host& host, const Request& request,
                                 const std::string& id) {
    return {.version = 1,
            .id = id,
            .host = host.info.hostname,
            .instance = context.settings.instance,
            .tool = "miraclemax " MIRACLEMAX_VERSION,
            .began = local_time(std::chrono::system_clock::now()),
            .podman = host.info.version,
            .partial = !request.components.empty()};
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

// The next recovery removes an empty journal that stays: no reason to call a published backup failed.
void close(const Context& context, quiesce::Journal& journal) {
    try {
        if (journal.open().empty())
            journal.close();
    } catch (const Error& error) {
        context.observer.warned(error.what());
    }
}

BackupResult conclude(const Context& context, store::BackupFolder& folder, store::Partial& partial,
                      quiesce::Journal& journal, BackupResult result) {
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
    }
    close(context, journal);
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
    undo_dead_runs(context);
    folder.sweep();

    const std::string run = new_run_name();
    quiesce::Journal journal(context.settings.journals(), run);
    drop_old_controls(context.settings);
    const ControlFolder control(context.settings.control() / run);
    const Host host = survey(context.engine, context.self_id);
    const catalog::Catalog catalog(folder);
    if (context.settings.signing)
        signing_key(context.settings); // a key that can't sign is told before anything is read
    const Keys keys = load_keys(context.settings);
    const Plan plan = make_plan(context.settings, host, keys, &catalog, request);

    store::Partial partial(folder.root(), folder.next_id(std::chrono::system_clock::now()));
    BackupResult result{.manifest = begin_manifest(context, host, request, partial.id()), .unreleased = {}};
    Harvest harvest(context, catalog, result);
    context.observer.began(partial.id(), names_of(plan));
    for (const auto& warning : plan.warnings)
        context.observer.warned(warning);
    warn_of_space(context, plan, folder);

    for (const auto& problem : plan.problems)
        harvest.add(problem);
    try {
        for (const auto& group : plan.groups)
            harvest.add(back_up_group(context, run, group, keys, journal, partial));
        return conclude(context, folder, partial, journal, result);
    } catch (const Error& error) {
        throw_on(error, result);
    }
}

} // namespace miraclemax::run
