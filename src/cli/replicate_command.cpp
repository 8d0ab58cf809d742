#include "cli/commands.hpp"

#include "cli/reports.hpp"
#include "cli/terminal.hpp"
#include "cli/text.hpp"
#include "cli/verify_report.hpp"
#include "run/recording.hpp"

#include <iostream>

namespace miraclemax::cli {

ExitCode Commands::set_up_tiers(const run::Settings& settings) const {
    if (options_.replicate.dry_run)
        throw Error(ExitCode::usage, "--init and --dry-run exclude each other", "choose one");
    const auto thoughts = run::set_up_tiers(settings, options_.replicate.tiers);
    print_set_up(thoughts, options_.json, std::cout);
    return ExitCode::ok;
}

ExitCode Commands::replicate() {
    const auto setup = load();
    if (options_.init)
        return set_up_tiers(setup.settings);
    const auto copy = [&] {
        Meter meter(form_of(options_.json), std::cout, stdout_takes_more);
        const auto result =
            run::replicate(setup.settings, options_.replicate,
                           {.copying = [&](const auto& tier, const auto& id, auto bytes,
                                           auto of) { meter.show(tier + " " + id, bytes, of); },
                            .ended =
                                [&](const run::TierResult& tier) {
                                    meter.clear();
                                    if (!options_.json)
                                        print_tier(tier, options_.replicate.dry_run, std::cout);
                                }},
                           std::chrono::system_clock::now(), stop_);
        if (options_.json)
            print_replicated_json(result, options_.replicate.dry_run, std::cout);
        return result;
    };
    if (options_.replicate.dry_run)
        return copy().code();
    return run::recorded(setup.settings, "replicate", options_.planned, warn_on_stderr,
                         [&](catalog::RunRecord& record) {
                             record.partial = !options_.replicate.tiers.empty();
                             const auto result = copy();
                             run::describe(record, result);
                             return result.code();
                         });
}

} // namespace miraclemax::cli
