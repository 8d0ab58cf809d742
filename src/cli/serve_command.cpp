#include "cli/commands.hpp"

#include "cli/reports.hpp"
#include "cli/text.hpp"
#include "run/signing_key.hpp"
#include "serve/sidecar.hpp"
#include "serve/status_desk.hpp"
#include "telemetry/log.hpp"
#include "telemetry/status_json.hpp"

#include <iostream>

namespace miraclemax::cli {
namespace {

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

serve::Plans plans_of(const Setup& setup) {
    const auto& serving = setup.serving;
    serve::Plans plans{.jobs = {}, .catch_up = serving.catch_up, .seed = setup.settings.instance};
    const auto add = [&](const char* name, const std::string& expression, std::vector<serve::Job>& jobs) {
        if (expression == "off" || expression.empty())
            return;
        try {
            jobs.push_back({.name = name, .when = serve::Cron::parse(expression), .jitter = serving.jitter});
        } catch (const Error& error) {
            throw error.with(std::string("schedule.") + name);
        }
    };
    add("backup", serving.plan_backup, plans.jobs);
    add("verify", serving.plan_verify, plans.jobs);
    plans.copy_after_backup = serving.plan_replicate == "after-backup" && !setup.settings.tiers.empty();
    if (serving.plan_replicate != "after-backup" && !setup.settings.tiers.empty())
        add("replicate", serving.plan_replicate, plans.copies);
    return plans;
}

serve::Standing standing_of(const Setup& setup, bool in_container) {
    serve::Standing standing{.settings = setup.settings,
                             .plans = plans_of(setup),
                             .http = std::nullopt,
                             .textfile = setup.serving.textfile,
                             .channels = setup.serving.channels,
                             .runbook = setup.serving.runbook};
    if (setup.serving.http)
        standing.http = serve::HttpOptions{.address = setup.serving.address != "auto" ? setup.serving.address
                                                      : in_container                  ? "0.0.0.0"
                                                                                      : "127.0.0.1",
                                           .port = setup.serving.port};
    return standing;
}

serve::StatusDesk::View view_of(const Setup& setup) {
    const auto plans = plans_of(setup);
    serve::StatusDesk::View view{.settings = setup.settings, .standing = {}};
    const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
    view.standing.expected_every = serve::period_of(plans, "backup", now);
    for (const auto* jobs : {&plans.jobs, &plans.copies})
        for (const auto& job : *jobs)
            view.standing.next_runs[job.name] = job.when.next(now);
    return view;
}

} // namespace

ExitCode Commands::serve() {
    const auto setup = load();
    telemetry::Log log(
        std::cout, telemetry::log_format_from(setup.serving.log_format).value_or(telemetry::LogFormat::text),
        telemetry::log_level_from(setup.serving.log_level).value_or(telemetry::LogLevel::info));
    const auto say = [&log](const std::string& text) { log.say(text); };
    say("miraclemax " MIRACLEMAX_VERSION " stands by; run `miraclemax backup` by podman exec");
    tell_signing_key(setup.settings, say);
    const auto self = composition_.self_id();
    std::vector<std::string> program{setup.settings.program};
    if (!options_.config_file.empty())
        program.insert(program.end(), {"--config", options_.config_file});
    const serve::Sidecar sidecar{.load = [&] { return standing_of(load(), self.has_value()); },
                                 .connect = [&] { return composition_.connect(setup.socket); },
                                 .program = program,
                                 .say = say,
                                 .last_lines = [&log] { return log.last(); },
                                 .hangups = *options_.hangups,
                                 .self_id = self};
    return serve::stand_by(sidecar, stop_) ? ExitCode::ok : ExitCode::not_released;
}

ExitCode Commands::status() {
    const auto setup = load();
    serve::StatusDesk desk([&] { return composition_.connect(setup.socket); });
    const auto status = desk.status(view_of(setup));
    if (options_.json)
        std::cout << telemetry::status_json(status);
    else
        print_status(status, std::cout);
    return status.problems.empty() ? ExitCode::ok : ExitCode::failed;
}

ExitCode Commands::check_health(const Setup& setup) const {
    serve::StatusDesk desk([&] { return composition_.connect(setup.socket); });
    const auto why = desk.trouble(view_of(setup));
    std::cout << line(why.empty() ? "healthy" : why);
    return why.empty() ? ExitCode::ok : ExitCode::failed;
}

} // namespace miraclemax::cli
