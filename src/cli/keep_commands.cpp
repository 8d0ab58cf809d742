#include "cli/commands.hpp"

#include "cli/reports.hpp"
#include "cli/text.hpp"
#include "run/context.hpp"
#include "run/prune.hpp"
#include "run/removals.hpp"

#include <algorithm>
#include <iostream>

namespace miraclemax::cli {

namespace {

// A prune that is going on may have been faster.
void pin(store::BackupFolder& folder, const std::string& id) {
    folder.pin(id);
    const auto ids = folder.ids();
    if (std::find(ids.begin(), ids.end(), id) == ids.end())
        throw Error(ExitCode::not_found, "backup " + id + " was removed just now", "`miraclemax list`");
}

} // namespace

ExitCode Commands::vouch_for_gone(const run::Settings& settings) const {
    if (options_.dry_run)
        throw Error(ExitCode::usage, "--gone and --dry-run exclude each other", "choose one");
    store::BackupFolder folder(settings.backups);
    const auto lock = folder.lock();
    run::Removals removals(settings, folder);
    removals.prepare();
    const bool fresh = removals.vouch(options_.gone, run::new_run_name(), std::chrono::system_clock::now());
    if (options_.json)
        std::cout << R"({"gone": ")" << options_.gone << R"(", "recorded": )" << (fresh ? "true" : "false")
                  << "}\n";
    else
        std::cout << line(options_.gone + (fresh ? " counts as removed on purpose now"
                                                 : ": there is a record of its removal already"));
    return ExitCode::ok;
}

ExitCode Commands::prune() {
    const auto setup = load();
    if (!options_.gone.empty())
        return vouch_for_gone(setup.settings);
    store::BackupFolder folder(setup.settings.backups);
    const auto lock = options_.dry_run ? nullptr : folder.lock();
    const auto result =
        run::prune(setup.settings, folder, options_.dry_run, std::chrono::system_clock::now(), stop_);
    print_pruned(result, options_.dry_run, options_.json, std::cout);
    return result.code;
}

void Commands::prune_after(const run::Settings& settings) const {
    const auto tell = [&](const std::string& text) {
        if (!options_.json)
            std::cout << line(text);
    };
    try {
        store::BackupFolder folder(settings.backups);
        const auto lock = folder.lock();
        const auto result = run::prune(settings, folder, false, std::chrono::system_clock::now(), stop_);
        for (const auto& id : result.removed)
            tell("removed " + id + ": no rule of retention keeps it");
        for (const auto& warning : result.warnings)
            tell("warning: retention: " + warning);
    } catch (const Error& error) {
        if (error.code() != ExitCode::busy) // that run prunes
            std::cerr << line(std::string("warning: retention: ") + error.what());
    }
}

ExitCode Commands::keep() {
    const auto setup = load();
    store::BackupFolder folder(setup.settings.backups);
    if (options_.let_go)
        folder.unpin(options_.backup);
    else
        pin(folder, options_.backup);
    std::cout << line(options_.backup + (options_.let_go
                                             ? " goes when retention lets it go"
                                             : " is kept whatever retention says (`keep --off` ends that)"));
    return ExitCode::ok;
}

} // namespace miraclemax::cli
