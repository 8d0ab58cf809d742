#include "cli/commands.hpp"

#include "cli/restore_report.hpp"
#include "cli/terminal.hpp"
#include "cli/text.hpp"
#include "run/execution.hpp"
#include "run/in_place_plan.hpp"
#include "run/recording.hpp"
#include "run/recover.hpp"
#include "run/restore_choice.hpp"
#include "run/undo_restore.hpp"

#include "store/backup_folder.hpp"

#include <iostream>

namespace miraclemax::cli {
namespace {

// What would be passed over: whoever gives it believes that it counts.
std::string beside_the_point(const RestoreOptions& wish) {
    const auto& request = wish.request;
    std::vector<std::string> names;
    for (const auto& [name, given] : {std::pair("--latest", wish.latest),
                                      {"--from-backup", !request.backup.empty()},
                                      {"--into", !request.into.empty()},
                                      {"--to", !request.to.empty()},
                                      {"--path", !request.only.empty()},
                                      {"--selinux-labels", request.selinux_labels},
                                      {"--rollback-on-unhealthy", request.rollback_on_unhealthy},
                                      {"--in-place", request.in_place},
                                      {"--dry-run", wish.dry_run},
                                      {"--verify-only", wish.verify_only}})
        if (given)
            names.emplace_back(name);
    return join(names);
}

void check_wishes(const RestoreOptions& wish) {
    if (wish.undo && wish.discard_old)
        throw Error(ExitCode::usage, "--undo and --discard-old exclude each other", "choose one");
    if (wish.undo || wish.discard_old) {
        const auto more = beside_the_point(wish);
        if (!more.empty())
            throw Error(ExitCode::usage,
                        more + " mean nothing to " + (wish.undo ? "--undo" : "--discard-old"),
                        "leave it out: only --component narrows it down");
        return;
    }
    if (!wish.latest && wish.request.backup.empty() && wish.request.components.empty())
        throw Error(
            ExitCode::usage, "restore what?",
            "--latest (each component's newest good archive), or --from-backup ID; --component NAME for one");
    if (wish.latest && !wish.request.backup.empty())
        throw Error(ExitCode::usage, "--latest and --from-backup exclude each other", "choose one");
}

// `tar t` shows a folder with a slash behind it. A path that is nothing but slashes is left to be refused.
run::RestoreRequest request_of(const RestoreOptions& wish) {
    auto request = wish.request;
    while (request.only.size() > 1 && request.only.ends_with('/'))
        request.only.pop_back();
    return request;
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
    const catalog::Catalog catalog(folder);
    const auto request = request_of(wish);
    const auto host = run::survey(context);
    auto plan = run::plan_restore(host, catalog, request);
    if ((wish.dry_run || wish.verify_only) && run::awaits_recovery(setup.settings))
        plan.warnings.emplace_back(
            "a run that was cut off waits for `miraclemax recover`, or for the restore "
            "itself: this changes nothing of what it left");
    if (wish.dry_run || !wish.verify_only) // what is only read needs none
        run::find_room(context, host, plan, request);
    print_restore_plan(plan, request, options_.json, std::cout);
    if (wish.verify_only)
        return verify_planned(context, plan, catalog);
    return carry_out(context, *follow, std::move(plan), request, folder);
}

ExitCode Commands::carry_out(const run::Context& context, run::RestoreObserver& follow, run::RestorePlan plan,
                             const run::RestoreRequest& request, store::BackupFolder& folder) const {
    const auto& wish = options_.restore;
    const auto& settings = context.settings;
    const bool rehearsal = wish.dry_run;
    const auto keys = needs_keys(plan) || run::any_in_place(plan) ? private_keys(settings, request.keys)
                                                                  : run::PrivateKeys{};
    require_keys(plan, keys);
    run::require_safety_keys(plan, keys);
    if (!rehearsal && !plan.feasible())
        return plan.code(); // the plan says what and why
    if (!rehearsal)
        agree(wish, request.beside() ? "Restore this?" : "Restore this over what is there now?", stop_);
    const auto lock = rehearsal ? nullptr : folder.lock_for_restore(settings.restore_lock());
    if (!rehearsal && context.no_podman.empty())
        run::undo_dead_runs(context);
    const auto act = [&](catalog::RunRecord& record) {
        run::prove(context, follow, plan, request.trust,
                   run::any_in_place(plan)); // there a safety backup comes between
        const auto code = plan.code();
        const auto left_out = plan.left_out;
        auto result = rehearsal ? run::rehearse_all(context, follow, plan, keys, request)
                                : run::restore(context, follow, std::move(plan), keys, request);
        if (rehearsal && result.code == ExitCode::ok)
            result.code = code;
        run::describe(record, result);
        print_restore_result(result, rehearsal, options_.json, std::cout);
        if (!options_.json)
            print_left_out(left_out, std::cout);
        return result.code;
    };
    return run::recorded(settings, rehearsal ? "drill" : "restore", "", warn_on_stderr, act);
}

ExitCode Commands::verify_planned(const run::Context& context, const run::RestorePlan& plan,
                                  const catalog::Catalog& catalog) const {
    const auto& wish = options_.restore;
    run::VerifyRequest request{
        .depth = run::Depth::deep, .trust = wish.request.trust, .chosen = run::chosen_by(plan, catalog)};
    if (request.chosen.empty())
        throw Error(ExitCode::not_found, "there is no archive to prove", "`miraclemax list`");
    if (needs_keys(plan))
        request.keys = private_keys(context.settings, wish.request.keys);
    return run::recorded(context.settings, "drill", "", warn_on_stderr, [&](catalog::RunRecord& record) {
        const auto result = open_within(context, request, request_of(wish).only);
        run::describe(record, result);
        for (const auto& backup : result.backups)
            for (const auto& each : backup.rehearsals)
                if (each.outcome == run::Outcome::good)
                    record.components.push_back({.name = each.component});
        auto code = result.code();
        if (!options_.json && code == ExitCode::ok)
            std::cout << (plan.feasible() ? "everything could be restored: nothing was changed\n"
                                          : "every archive is whole: nothing was changed; what stands in "
                                            "the way of a restore is said above\n");
        if (!options_.json)
            print_left_out(plan.left_out, std::cout);
        if (wish.dry_run && code == ExitCode::ok)
            code = plan.code();
        return code;
    });
}

ExitCode Commands::undo_or_discard(const run::Context& context, run::RestoreObserver& follow,
                                   store::BackupFolder& folder) {
    const auto& wish = options_.restore;
    const run::RestoreRecords records(context.settings);
    const auto asked = run::unique(wish.request.components);
    const auto aside = wish.undo ? run::moved_aside(records, asked) : run::all_aside(records, asked);
    std::vector<std::string> components;
    for (const auto& [run, each] : aside)
        components.push_back(each.component);
    components = run::unique(components);
    agree(wish,
          wish.undo ? "Put back what was there before the restore of " + join(components) + "?"
                    : "Remove for ever what lies aside from the restore of " + join(components) + "?",
          stop_);
    const auto lock = folder.lock_for_restore(context.settings.restore_lock());
    run::undo_dead_runs(context);
    if (wish.undo)
        run::undo_restore(context, follow, asked);
    else
        run::discard_old(context, aside);
    print_way_back(components, wish.undo, options_.json, std::cout);
    return ExitCode::ok;
}

} // namespace miraclemax::cli
