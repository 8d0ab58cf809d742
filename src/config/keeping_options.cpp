#include "config/option_tables.hpp"
#include "config/setters.hpp"

namespace miraclemax::config {

using namespace setters;

namespace {

Option rule(const char* key, const char* standard, const char* text, unsigned Config::*member) {
    return {
        .key = key, .type = "number", .standard = standard, .text = text, .set = number(member, 0, 100000)};
}

} // namespace

std::vector<Option> keeping_options() {
    return {
        rule("retention.days", "30",
             "Backups so many days old are kept. A backup stays if any of the rules keeps it; with all of "
             "them 0, all "
             "stay. A component's `keep` has rules of its own.",
             &Config::keep_days),
        rule("retention.last", "0", "The newest so many of each component are kept.", &Config::keep_last),
        rule("retention.hourly", "0", "The newest of each of so many hours.", &Config::keep_hourly),
        rule("retention.daily", "0", "The newest of each of so many days.", &Config::keep_daily),
        rule("retention.weekly", "0", "The newest of each of so many weeks.", &Config::keep_weekly),
        rule("retention.monthly", "0", "The newest of each of so many months.", &Config::keep_monthly),
        rule("retention.yearly", "0", "The newest of each of so many years.", &Config::keep_yearly),
        {.key = "retention.suspicious_percent",
         .type = "number",
         .standard = "50",
         .text = "Nothing of a component is removed while its newest archive is smaller than this part of "
                 "what was "
                 "usual. 0: never mind.",
         .set = number(&Config::suspicious_percent, 0, 100)},
        {.key = "restore.settle_time",
         .type = "duration",
         .standard = "5s",
         .text = "A container without a health check must run for so long after a restore.",
         .set = duration(&Config::settle_time)},
        {.key = "restore.health_patience",
         .type = "duration",
         .standard = "2m",
         .text = "One with a health check may take so long to be healthy.",
         .set = duration(&Config::health_patience)},
    };
}

} // namespace miraclemax::config
