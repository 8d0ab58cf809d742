#include "cli/commands.hpp"

#include "cli/reports.hpp"
#include "cli/text.hpp"
#include "run/prune.hpp"
#include "run/recording.hpp"

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

ExitCode Commands::prune() {
    const auto setup = load();
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
