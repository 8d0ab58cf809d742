#include "config/option_tables.hpp"
#include "config/setters.hpp"

namespace miraclemax::config {

using namespace setters;

std::vector<Option> serving_options() {
    return {
        {.key = "schedule.backup",
         .type = "cron expression, or off",
         .standard = "\"0 3 * * *\"",
         .text = "When `serve` makes a backup: minute hour day month weekday, by TZ.",
         .set = text(&Config::plan_backup)},
        {.key = "schedule.verify",
         .type = "cron expression, or off",
         .standard = "\"30 5 * * sun\"",
         .text = "When `serve` proves all stored backups against their manifests.",
         .set = text(&Config::plan_verify)},
        {.key = "schedule.replicate",
         .type = "after-backup, cron expression, or off",
         .standard = "after-backup",
         .text = "When `serve` copies the backups into the `tiers`.",
         .set = text(&Config::plan_replicate)},
        {.key = "schedule.jitter",
         .type = "duration, or 0",
         .standard = "0",
         .text = "Begin up to so much later, so that many hosts do not begin at once.",
         .set = duration_or_none(&Config::jitter)},
        {.key = "schedule.catch_up",
         .type = "true or false",
         .standard = "true",
         .text = "Make up at once for a run that was missed while the host was off.",
         .set = boolean(&Config::catch_up)},
        {.key = "http.enabled",
         .type = "true or false",
         .standard = "true",
         .text = "Serve the status page, /metrics, /api/status and /healthz. All of it is read-only.",
         .set = boolean(&Config::http)},
        {.key = "http.address",
         .type = "address, or auto",
         .standard = "auto",
         .text = "Where to listen. auto: all addresses in a container (publish the port on 127.0.0.1), else "
                 "127.0.0.1.",
         .set = text(&Config::http_address)},
        {.key = "http.port",
         .type = "number",
         .standard = "9847",
         .text = "The port.",
         .set = number(&Config::http_port, 1, 65535)},
        {.key = "metrics.textfile",
         .type = "file",
         .standard = "\"\"",
         .text = "Write the metrics to this file too, for node_exporter's textfile collector. Empty: don't.",
         .path = true,
         .set = text(&Config::textfile)},
    };
}

} // namespace miraclemax::config
