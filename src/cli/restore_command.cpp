#include "cli/commands.hpp"

#include "cli/restore_report.hpp"
#include "cli/terminal.hpp"
#include "cli/text.hpp"
#include "run/execution.hpp"
#include "run/in_place_plan.hpp"
#include "run/recording.hpp"
#include "run/undo_restore.hpp"

#include "store/backup_folder.hpp"

#include <algorithm>
#include <iostream>

namespace miraclemax::cli {
namespace {

void check_wishes(const RestoreOptions& wish) {
    const int acts = int{wish.undo} + int{wish.discard_old} + int{wish.dry_run || wish.verify_only};
    if (acts > 1)
        throw Error(ExitCode::usage, "--undo, --discard-old and --dry-run exclude each other", "choose one");
    if (!wish.latest && wish.request.backup.empty() && !wish.undo && !wish.discard_old &&
        wish.request.components.empty())
        throw Error(
            ExitCode::usage, "restore what?",
            "--latest (each component's newest good archive), or --from-backup ID; --component NAME for one");
    if (wish.request.in_place && (wish.undo || wish.discard_old))
        throw Error(ExitCode::usage, "--in-place has nothing to do with --undo and --discard-old",
                    "leave it out");
    if (wish.latest && !wish.request.backup.empty())
        throw Error(ExitCode::usage, "--latest and --from-backup exclude each other", "choose one");
}

// What is only read, or unpacked into a folder, needs podman to tell who uses the data.
bool goes_without_podman(const RestoreOptions& wish) {
    const bool back = wish.undo || wish.discard_old;
    return !back && !wish.request.in_place && (wish.verify_only || !wish.request.to.empty());
}

// Before anything is made or stopped.
void require_keys(const run::RestorePlan& plan, const run::PrivateKeys& keys) {
    for (const auto& group : plan.groups)
        for (const auto& item : group.items)
            if (!keys.opens(item.record.archive))
                throw Error(ExitCode::key,
                            item.record.name + " is encrypted, and no private key that opens it is at hand",
                            "give it by --key FILE (`--key -` reads it from standard input: podman exec -i)");
}

void agree(const RestoreOptions& wish, const std::string& question, const std::stop_token& stop) {
    if (wish.force)
        return;
    if (!has_terminal())
        throw Error(ExitCode::usage, "nobody is there to agree to this",
                    "give --force, or run it on a terminal (podman exec -it)");
    if (!ask_yes(question, stop))
        throw Error(ExitCode::interrupted, "nothing was restored");
}

} // namespace

ExitCode Commands::restore() {
    const auto& wish = options_.restore;
    check_wishes(wish);
    const auto setup = load();
    const auto podman = reach_podman(setup, goes_without_podman(wish));
    const auto form = form_of(options_.json);
    const auto observer = observe(form, std::cout, stdout_takes_more);
    const auto follow = follow_restore(form, std::cout, stdout_takes_more);
    const run::Context context{.settings = setup.settings,
                               .engine = *podman.engine,
                               .self_id = composition_.self_id(),
                               .observer = *observer,
                               .stop = stop_,
                               .no_podman = podman.not_there ? podman.not_there->what() : ""};
    store::BackupFolder folder(setup.settings.backups, store::Use::reading);
    if (wish.undo || wish.discard_old)
        return undo_or_discard(context, *follow, folder);
    const auto host = run::survey(context);
    const catalog::Catalog catalog(folder);
    const auto& request = wish.request;
    auto plan = run::plan_restore(host, catalog, request);
    run::find_room(context, plan, request);
    print_restore_plan(plan, request, options_.json, std::cout);
    const auto keys = needs_keys(plan) || run::any_in_place(plan) ? private_keys(setup.settings, request.keys)
                                                                  : run::PrivateKeys{};
    require_keys(plan, keys);
    run::require_safety_keys(plan, keys);
    const bool rehearsal = wish.dry_run || wish.verify_only;
    if (!rehearsal && !plan.feasible())
        return ExitCode::failed; // the plan says what and why
    if (!rehearsal)
        agree(wish, request.beside() ? "Restore this?" : "Restore this over what is there now?", stop_);
    const auto lock = rehearsal ? nullptr : folder.lock_for_restore(setup.settings.restore_lock());
    if (!podman.not_there)
        run::undo_dead_runs(context, !rehearsal);
    const auto act = [&](catalog::RunRecord& record) {
        run::prove(context, *follow, plan, request.trust,
                   wish.verify_only || run::any_in_place(plan)); // there a safety backup comes between
        const bool feasible = plan.feasible();
        auto result = rehearsal ? run::rehearse_all(context, *follow, plan, keys)
                                : run::restore(context, *follow, std::move(plan), keys, request);
        if (rehearsal && !feasible && result.code == ExitCode::ok)
            result.code = ExitCode::failed;
        run::describe(record, result);
        print_restore_result(result, rehearsal, options_.json, std::cout);
        return result.code;
    };
    return run::recorded(setup.settings, rehearsal ? "drill" : "restore", "", warn_on_stderr, act);
}

ExitCode Commands::undo_or_discard(const run::Context& context, run::RestoreObserver& follow,
                                   store::BackupFolder& folder) {
    const auto& wish = options_.restore;
    const run::RestoreRecords records(context.settings);
    const auto aside = wish.undo ? run::moved_aside(records, wish.request.components)
                                 : run::all_aside(records, wish.request.components);
    std::vector<std::string> components;
    for (const auto& [run, each] : aside)
        if (std::find(components.begin(), components.end(), each.component) == components.end())
            components.push_back(each.component);
    const auto names = join(components);
    agree(wish,
          wish.undo ? "Put back what was there before the restore of " + names + "?"
                    : "Remove for ever what lies aside from the restore of " + names + "?",
          stop_);
    const auto lock = folder.lock_for_restore(context.settings.restore_lock());
    run::undo_dead_runs(context);
    if (wish.undo) {
        run::undo_restore(context, follow, wish.request.components);
        std::cout << line(names + (names.find(',') == std::string::npos ? " holds" : " hold") +
                          " the data from before the restore again");
        return ExitCode::ok;
    }
    run::discard_old(context, aside);
    std::cout << line("removed what lay aside of " + names);
    return ExitCode::ok;
}

} // namespace miraclemax::cli
