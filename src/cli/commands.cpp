#include "cli/commands.hpp"

#include "cli/observers.hpp"
#include "cli/reports.hpp"
#include "cli/text.hpp"
#include "run/signing_key.hpp"
#include "serve/daemon.hpp"

#include <poll.h>
#include <unistd.h>

#include <iostream>

namespace miraclemax::cli {
namespace {

// Progress is told while containers are frozen: it must never wait for a terminal that was stopped by Ctrl-S.
bool stdout_takes_more() {
    pollfd out{.fd = STDOUT_FILENO, .events = POLLOUT, .revents = 0};
    return ::poll(&out, 1, 0) > 0 && (out.revents & POLLOUT) != 0;
}

Form form_of(bool json) {
    if (json)
        return Form::json;
    const char* terminal = std::getenv("TERM");
    const bool dumb = terminal == nullptr || std::string_view(terminal) == "dumb";
    return ::isatty(STDOUT_FILENO) == 1 && !dumb ? Form::bars : Form::lines;
}

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

// Looking after frozen containers is worth more than a key: a broken signing home is told, and does not end
// serve.
void tell_signing_key(const run::Settings& settings, const serve::Say& say) {
    if (!settings.signing)
        return;
    try {
        say("backups are signed by " + run::signing_key(settings).fingerprint +
            ": keep this fingerprint elsewhere (`miraclemax key --export` writes the public key)");
    } catch (const Error& error) {
        say(std::string("the signing key can't be used: ") + error.what());
    }
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
    const auto engine = composition_.connect(setup.socket);
    const auto observer = observe(form_of(options_.json), std::cout, stdout_takes_more);
    const run::Context context{.settings = setup.settings,
                               .engine = *engine,
                               .self_id = composition_.self_id(),
                               .observer = *observer,
                               .stop = stop_};
    const auto result = run::backup(context, options_.request);
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
    const store::BackupFolder folder(setup.settings.backups);
    print_list(catalog::Catalog(folder).records(), options_.json, std::cout);
    return ExitCode::ok;
}

ExitCode Commands::show() {
    const auto setup = load();
    const store::BackupFolder folder(setup.settings.backups);
    const auto record = catalog::Catalog(folder).find(options_.backup);
    const auto path = folder.path_of(record.id);
    if (!record.manifest)
        throw Error(ExitCode::failed, "the manifest of " + record.id + " can't be read: " + record.trouble,
                    "use another backup (`miraclemax list`)");
    if (options_.json) {
        std::cout << catalog::to_json(*record.manifest);
        return ExitCode::ok;
    }
    print_backup(*record.manifest, path.string(), std::cout);
    return ExitCode::ok;
}

ExitCode Commands::recover() {
    const auto setup = load();
    const auto engine = composition_.connect(setup.socket);
    const auto recovery = run::recover(setup.settings, *engine);
    print_recovery(recovery, options_.json, std::cout);
    return recovery.containers.ok() ? ExitCode::ok : ExitCode::not_released;
}

ExitCode Commands::check() {
    const auto setup = load();
    const auto findings = run::check(
        setup.settings, [&] { return composition_.connect(setup.socket); }, composition_.self_id());
    print_findings(findings, options_.json, std::cout);
    return worst_of(findings);
}

ExitCode Commands::serve() {
    const auto setup = load();
    const auto say = [](const std::string& text) { std::cout << line(text) << std::flush; };
    say("miraclemax " MIRACLEMAX_VERSION " stands by; run `miraclemax backup` by podman exec");
    tell_signing_key(setup.settings, say);
    const bool good = serve::serve(
        setup.settings, [&] { return composition_.connect(setup.socket); }, {}, say, stop_);
    return good ? ExitCode::ok : ExitCode::not_released;
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
