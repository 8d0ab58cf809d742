// Composition root: the only place that names concrete classes and sees the configuration.
#include "cli/command_line.hpp"
#include "config/config.hpp"
#include "error.hpp"
#include "podman/rest_engine.hpp"
#include "run/tier.hpp"

#include <cstdlib>
#include <fstream>
#include <sstream>

namespace {

using namespace miraclemax;

std::optional<std::string> variable(const std::string& name) {
    const char* value = std::getenv(name.c_str());
    return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

run::Launch launch_from(const std::string& word) {
    return word == "child"       ? run::Launch::child
           : word == "container" ? run::Launch::container
                                 : run::Launch::automatic;
}

catalog::RetentionPolicy retention_of(const config::Config& config) {
    return {.rules = {.days = config.keep_days,
                      .last = config.keep_last,
                      .hourly = config.keep_hourly,
                      .daily = config.keep_daily,
                      .weekly = config.keep_weekly,
                      .monthly = config.keep_monthly,
                      .yearly = config.keep_yearly},
            .suspicious_share = config.suspicious_percent / 100.0};
}

std::vector<telemetry::Channel> channels_of(const config::Notify& notify) {
    using Kind = telemetry::Channel::Kind;
    std::vector<telemetry::Channel> channels;
    if (!notify.mail.url.empty())
        channels.push_back({.kind = Kind::smtp,
                            .name = "mail",
                            .url = notify.mail.url,
                            .starttls = notify.mail.starttls,
                            .user = notify.mail.user,
                            .password = notify.mail.password,
                            .from = notify.mail.from,
                            .to = notify.mail.to,
                            .ca_file = notify.mail.ca_file,
                            .on_success = notify.mail.on_success,
                            .on_digest = notify.mail.on_digest});
    if (!notify.alertmanager.empty())
        channels.push_back({.kind = Kind::alertmanager, .name = "alertmanager", .url = notify.alertmanager});
    if (!notify.ntfy.empty())
        channels.push_back(
            {.kind = Kind::ntfy, .name = "ntfy", .url = notify.ntfy, .password = notify.ntfy_token});
    if (!notify.webhook.empty())
        channels.push_back({.kind = Kind::webhook, .name = "webhook", .url = notify.webhook});
    return channels;
}

cli::Serving serving_of(const config::Config& config) {
    return {.plan_backup = config.plan_backup,
            .plan_verify = config.plan_verify,
            .plan_replicate = config.plan_replicate,
            .jitter = std::chrono::duration_cast<std::chrono::seconds>(config.jitter),
            .catch_up = config.catch_up,
            .http = config.http,
            .address = config.http_address,
            .port = static_cast<int>(config.http_port),
            .textfile = config.textfile,
            .channels = channels_of(config.notify),
            .runbook = config.notify.runbook,
            .log_format = config.log_format,
            .log_level = config.log_level};
}

std::vector<run::Tier> tiers_of(const config::Config& config) {
    std::vector<run::Tier> tiers;
    for (const auto& each : config.tiers)
        tiers.push_back({.name = each.name, .folder = each.folder, .keep = each.keep});
    return tiers;
}

cli::Setup setup_of(const config::Config& config) {
    return {.settings = {.instance = config.instance,
                         .backups = config.backups,
                         .state = config.state,
                         .hooks = config.hooks,
                         .compression =
                             worker::compression_from(config.compression).value_or(worker::Compression::gzip),
                         .level = config.level,
                         .threads = config.threads,
                         .recipients = config.recipients,
                         .key_files = {config.key_files.begin(), config.key_files.end()},
                         .passphrase = config.passphrase,
                         .aead = config.aead,
                         .encryption_default = component::encryption_from(config.encryption_default)
                                                   .value_or(component::Encryption::optional),
                         .signing = config.signing,
                         .signers = config.signers,
                         .private_keys = config.private_keys,
                         .settle_time = config.settle_time,
                         .health_patience = config.health_patience,
                         .retention = retention_of(config),
                         .trusted_xattrs = config.trusted_xattrs,
                         .launch = launch_from(config.worker),
                         .worker_silence = config.worker_silence,
                         .configured = config.components,
                         .tiers = tiers_of(config)},
            .socket = config.socket,
            .serving = serving_of(config)};
}

cli::Setup load(const std::string& file) {
    auto setup = setup_of(config::load_config(file, variable));
    // Where the backup folder is that of a tier, to restore from there, its rules and proofs are the tier's.
    const auto tiers = setup.settings.tiers;
    for (const auto& tier : tiers)
        if (setup.settings.backups == tier.folder)
            setup.settings = run::settings_for(setup.settings, tier);
    return setup;
}

std::unique_ptr<podman::Engine> connect(const std::string& configured) {
    return podman::connect({.socket = podman::find_socket(configured, variable)});
}

std::unique_ptr<podman::Engine> connect_on_use(const std::string& configured) {
    std::string socket = "/run/podman/podman.sock";
    try {
        socket = podman::find_socket(configured, variable, socket);
    } catch (const Error&) { // there is none: the first call says so
    }
    return podman::connect_on_use({.socket = socket});
}

std::optional<std::string> self_id() {
    std::ostringstream text;
    text << std::ifstream("/proc/self/mountinfo").rdbuf();
    return podman::own_container_id(text.str());
}

} // namespace

int main(int argc, char** argv) {
    return cli::command_line(argc, argv,
                             {.load = load,
                              .connect = connect,
                              .connect_on_use = connect_on_use,
                              .self_id = self_id,
                              .example_config = config::example_config,
                              .work = worker::worker_main});
}
