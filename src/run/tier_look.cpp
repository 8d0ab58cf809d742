#include "run/tier_look.hpp"

#include "error.hpp"
#include "run/context.hpp"
#include "run/moment.hpp"
#include "stream/file.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace miraclemax::run {
namespace {

using nlohmann::json;

constexpr std::size_t longest = std::size_t{16} << 20U;
constexpr auto fortnight = std::chrono::hours(14 * 24);

std::filesystem::path file_of(const Settings& settings, const std::string& tier) {
    return settings.tier_state(tier) / "look.json";
}

} // namespace

telemetry::TierStatus measure(const Settings& settings, const std::string& name,
                              const store::BackupFolder& folder, const std::vector<catalog::Record>& records,
                              telemetry::Time now) {
    telemetry::TierStatus tier{.name = name, .backups = records.size(), .trouble = {}};
    double in = 0, out = 0; // bytes that came in 14 days, and that retention lets go in the next 14
    unsigned longest_days = settings.retention.rules.days; // a backup goes when no component needs it
    for (const auto& each : settings.configured)
        longest_days = std::max(longest_days, each.keep.days.value_or(0));
    const auto keep = std::chrono::hours(24) * longest_days;
    for (const auto& record : records) {
        tier.stored += record.stored;
        const auto ended = record.manifest ? moment_of(record.manifest->ended_utc) : std::nullopt;
        if (!ended || is_ahead(*ended, now))
            continue;
        tier.newest = ended;
        const auto age = now - *ended;
        if (age < fortnight)
            in += static_cast<double>(record.stored);
        if (settings.retention.rules.days > 0 && age + fortnight > keep)
            out += static_cast<double>(record.stored);
    }
    tier.free_bytes = folder.free_bytes();
    if (in > out)
        tier.days_until_full = static_cast<double>(tier.free_bytes) / ((in - out) / 14);
    return tier;
}

std::optional<TierLook> last_look(const Settings& settings, const std::string& tier) {
    try {
        const auto whole = json::parse(stream::read_file(file_of(settings, tier), longest));
        TierLook look{.status = {.name = tier,
                                 .backups = whole.at("backups").get<std::uint64_t>(),
                                 .stored = whole.at("stored").get<std::uint64_t>(),
                                 .free_bytes = whole.at("free_bytes").get<std::uint64_t>(),
                                 .newest = moment_of(whole.at("newest").get<std::string>()),
                                 .ok = whole.at("ok").get<bool>(),
                                 .trouble = whole.at("trouble").get<std::string>()},
                      .ids = whole.at("ids").get<std::set<std::string>>()};
        if (whole.at("days_until_full").is_number())
            look.status.days_until_full = whole.at("days_until_full").get<double>();
        return look;
    } catch (const Error&) {
        return std::nullopt;
    } catch (const json::exception&) {
        return std::nullopt;
    }
}

void keep_look(const Settings& settings, const TierLook& look) {
    const auto& status = look.status;
    const json whole{
        {"backups", status.backups},
        {"stored", status.stored},
        {"free_bytes", status.free_bytes},
        {"days_until_full", status.days_until_full ? json(*status.days_until_full) : json(nullptr)},
        {"newest", status.newest ? utc_time(*status.newest) : ""},
        {"ok", status.ok},
        {"trouble", status.trouble},
        {"ids", look.ids}};
    std::error_code ignored; // told by the next line
    std::filesystem::create_directories(settings.tier_state(status.name), ignored);
    stream::replace_file(file_of(settings, status.name),
                         whole.dump(2, ' ', false, json::error_handler_t::replace) + "\n");
}

} // namespace miraclemax::run
