#include "cli/commands.hpp"

#include "cli/observers.hpp"
#include "cli/reports.hpp"
#include "cli/terminal.hpp"
#include "cli/text.hpp"
#include "cli/verify_report.hpp"
#include "run/bare_recovery.hpp"
#include "run/recording.hpp"
#include "run/signing_key.hpp"

#include <iostream>

namespace miraclemax::cli {
namespace {

// A plan that holds a failure is not a success: a backup made of it would be incomplete.
ExitCode code_of(const run::Plan& plan) {
    bool whole = plan.problems.empty();
    for (const auto& group : plan.groups) {
        whole = whole && group.freeze.refusals.empty();
        for (const auto& member : group.members)
            whole = whole && member.refusal.empty();
    }
    return whole ? ExitCode::ok : ExitCode::incomplete;
}

ExitCode worst_of(const std::vector<run::Finding>& findings) {
    for (const auto& finding : findings)
        if (!finding.ok)
            return finding.code;
    return ExitCode::ok;
}

} // namespace

ExitCode Commands::backup() {
    if (options_.dry_run)
        return plan();
    const auto setup = load();
    const auto code = run::recorded(setup.settings, "backup", options_.planned, warn_on_stderr,
                                    [&](catalog::RunRecord& record) { return back_up(setup, record); });
    if (code == ExitCode::ok)
        prune_after(setup.settings);
    return code;
}

ExitCode Commands::back_up(const Setup& setup, catalog::RunRecord& record) {
    record.partial = !options_.request.components.empty();
    const auto engine = composition_.connect(setup.socket);
    const auto observer = observe(form_of(options_.json), std::cout, stdout_takes_more);
    const run::Context context{.settings = setup.settings,
                               .engine = *engine,
                               .self_id = composition_.self_id(),
                               .observer = *observer,
                               .stop = stop_};
    auto keys = options_.prove ? keys_for_proof(context) : run::PrivateKeys{};
    auto result = run::backup(context, options_.request);
    run::describe(record, result);
    if (options_.prove && result.published)
        if (const auto proven = prove(context, result.manifest.id, std::move(keys));
            proven != ExitCode::ok && result.code != ExitCode::not_released)
            result.code = proven;
    print_result(result, (setup.settings.backups / result.manifest.id).string(), options_.json, std::cout);
    return result.code;
}

ExitCode Commands::plan() {
    const auto setup = load();
    const auto engine = composition_.connect(setup.socket);
    const auto host = run::survey(*engine, composition_.self_id());
    const auto keys = run::load_keys(setup.settings);
    const auto made = [&]() {
        std::error_code trouble;
        if (!std::filesystem::is_directory(setup.settings.backups, trouble))
            return run::make_plan(setup.settings, host, keys, nullptr, options_.request);
        const store::BackupFolder folder(setup.settings.backups);
        const catalog::Catalog catalog(folder);
        return run::make_plan(setup.settings, host, keys, &catalog, options_.request);
    }();
    print_plan(made, options_.json, std::cout);
    return code_of(made);
}

ExitCode Commands::list() {
    const auto setup = load();
    const store::BackupFolder folder(setup.settings.backups, store::Use::reading);
    print_list(catalog::Catalog(folder).records(), catalog::Proofs(setup.settings.proofs()), options_.json,
               std::cout);
    return ExitCode::ok;
}

ExitCode Commands::show() {
    const auto setup = load();
    const store::BackupFolder folder(setup.settings.backups, store::Use::reading);
    const auto record = catalog::Catalog(folder).find(options_.backup);
    const auto path = folder.path_of(record.id);
    if (!record.manifest)
        throw Error(ExitCode::failed, "the manifest of " + record.id + " can't be read: " + record.trouble,
                    "use another backup (`miraclemax list`)");
    const auto proof = catalog::Proofs(setup.settings.proofs()).of(record.id);
    if (options_.json) {
        print_backup_json(*record.manifest, proof, std::cout);
        return ExitCode::ok;
    }
    print_backup(*record.manifest, path.string(), std::cout);
    print_proof(proof, *record.manifest, std::cout);
    return ExitCode::ok;
}

Commands::Reached Commands::reach_podman(const Setup& setup, bool may_go_without) const {
    try {
        return {.engine = composition_.connect(setup.socket), .not_there = {}};
    } catch (const podman::NotThere& why) {
        if (!may_go_without || composition_.self_id())
            throw;
        return {.engine = composition_.connect_on_use(setup.socket), .not_there = why};
    }
}

ExitCode Commands::recover() {
    const auto setup = load();
    const auto podman = reach_podman(setup, true);
    if (podman.not_there)
        return recover_without_podman(setup, *podman.engine, *podman.not_there);
    const auto recovery = run::recover(setup.settings, *podman.engine, composition_.self_id(), stop_);
    print_recovery(recovery, options_.json, std::cout);
    return recovery.ok() ? ExitCode::ok : ExitCode::not_released;
}

ExitCode Commands::recover_without_podman(const Setup& setup, podman::Engine& engine, const Error& why) {
    const auto recovery = run::recover_without_podman(setup.settings, engine, why.what(), stop_);
    print_recovery(recovery, options_.json, std::cout);
    if (!recovery.for_podman.empty())
        throw Error(why.code(),
                    std::string(why.what()) +
                        "; until it is there, these stay as they are: " + join(recovery.for_podman),
                    why.remedy());
    return recovery.ok() ? ExitCode::ok : ExitCode::not_released;
}

ExitCode Commands::check() {
    const auto setup = load();
    if (options_.health)
        return check_health(setup);
    const auto findings = run::check(
        setup.settings, [&] { return composition_.connect(setup.socket); }, composition_.self_id());
    print_findings(findings, options_.json, std::cout);
    return worst_of(findings);
}

ExitCode Commands::key() {
    const auto setup = load();
    const auto signing = run::signing_key(setup.settings);
    if (options_.export_key) {
        std::cout << signing.public_key;
        return ExitCode::ok;
    }
    std::cout << "signing key    " << signing.fingerprint << '\n';
    const auto keys = run::load_keys(setup.settings);
    for (const auto& each : keys.recipients)
        std::cout << "recipient      "
                  << safe((each.fingerprint.empty() ? each.wanted : each.fingerprint) + "  " + each.owner)
                  << '\n';
    for (const auto& problem : keys.problems)
        std::cout << "WRONG          " << safe(problem) << '\n';
    if (!keys.configured)
        std::cout << "recipient      none: archives are stored unencrypted\n";
    return keys.problems.empty() ? ExitCode::ok : ExitCode::key;
}

ExitCode Commands::config() {
    std::cout << composition_.example_config();
    return ExitCode::ok;
}

} // namespace miraclemax::cli
