#include "run/check.hpp"

#include "run/emptied.hpp"
#include "run/group_moves.hpp"
#include "run/keys.hpp"
#include "run/plan.hpp"
#include "run/tier.hpp"
#include "store/backup_folder.hpp"

#include <fmt/format.h>

#include <sys/stat.h>
#include <unistd.h>

#include <ctime>

namespace miraclemax::run {
namespace {

Finding wrong(const std::string& what, const Error& error) {
    return {.what = what, .ok = false, .text = error.what(), .remedy = error.remedy(), .code = error.code()};
}

Finding check_backups(const Settings& settings) {
    try {
        const store::BackupFolder folder(settings.backups);
        return {.what = "backup folder",
                .text = fmt::format("{}: {} backups, {} MiB free", settings.backups.string(),
                                    folder.ids().size(), folder.free_bytes() >> 20U)};
    } catch (const Error& error) {
        return wrong("backup folder", error);
    }
}

Finding check_state(const Settings& settings) {
    std::error_code trouble;
    std::filesystem::create_directories(settings.state, trouble);
    if (trouble || ::access(settings.state.c_str(), R_OK | W_OK | X_OK) != 0)
        return {.what = "state folder",
                .ok = false,
                .text = settings.state.string() + " can't be written",
                .remedy = "mount a named volume there; without it nothing is ever frozen",
                .code = ExitCode::config};
    return {.what = "state folder", .text = settings.state.string()};
}

void check_tiers(const Settings& settings, std::vector<Finding>& findings) {
    for (const auto& tier : settings.tiers) {
        const auto what = "tier " + tier.name;
        try {
            require_set_up(settings, tier);
            const store::BackupFolder folder(tier.folder);
            findings.push_back({.what = what,
                                .text = fmt::format("{}: {} backups, {} MiB free", tier.folder.string(),
                                                    folder.ids().size(), folder.free_bytes() >> 20U)});
        } catch (const Error& error) {
            findings.push_back(wrong(what, error));
        }
    }
}

void check_keys(const Settings& settings, std::vector<Finding>& findings) {
    const auto keys = load_keys(settings);
    for (const auto& problem : keys.problems)
        findings.push_back(
            {.what = "keys",
             .ok = false,
             .text = problem,
             .remedy = "put the current public key into the key folder, or correct encryption.recipients",
             .code = ExitCode::key});
    if (!keys.configured)
        findings.push_back({.what = "keys",
                            .text = "no recipient: archives are stored unencrypted, and components that "
                                    "require encryption fail"});
    else if (keys.usable() && !keys.passphrase.empty())
        findings.push_back({.what = "keys", .text = "archives are encrypted with a passphrase"});
    else if (keys.usable())
        for (const auto& each : keys.recipients)
            findings.push_back({.what = "keys",
                                .text = each.fingerprint + " " + each.owner +
                                        (each.expires ? ", expires " + local_time(*each.expires) : "")});
}

Finding check_zone() {
    const char* zone = std::getenv("TZ");
    const std::string name = zone == nullptr ? "" : (zone[0] == ':' ? zone + 1 : zone);
    const auto file = "/usr/share/zoneinfo/" + name;
    const bool named = !name.empty() && name.find_first_of("0123456789,<") == std::string::npos;
    if (named && ::access(file.c_str(), R_OK) != 0)
        return {.what = "time zone",
                .ok = false,
                .text = "TZ is \"" + name + "\", which is no known zone",
                .remedy = "use a name like Europe/Berlin",
                .code = ExitCode::config};
    return {.what = "time zone",
            .text = (name.empty() ? "system zone" : name) + ", now " +
                    local_time(std::chrono::system_clock::now())};
}

Finding check_image(podman::Engine& engine, const Host& host) {
    if (!host.self)
        return {.what = "worker", .text = "no container: data is read by a child process"};
    if (!engine.image_exists(host.self->image_id))
        return {.what = "worker",
                .ok = false,
                .text = "the sidecar's image is gone: helper containers can't be made from it",
                .remedy = "recreate the sidecar",
                .code = ExitCode::podman};
    return {.what = "worker", .text = "helper containers from image " + host.self->image_id.substr(0, 12)};
}

void check_plan(const Settings& settings, const Host& host, std::vector<Finding>& findings) {
    const auto plan =
        make_plan(settings, host, load_keys(settings), nullptr, {.components = {}, .full = true});
    std::size_t components = 0;
    for (const auto& group : plan.groups) {
        components += group.members.size();
        for (const auto& member : group.members)
            if (!member.refusal.empty())
                findings.push_back({.what = "component " + member.component.name,
                                    .ok = false,
                                    .text = member.refusal,
                                    .remedy = member.remedy,
                                    .code = ExitCode::config});
        for (const auto& refusal : group.freeze.refusals)
            findings.push_back({.what = "group " + group.group.name,
                                .ok = false,
                                .text = refusal,
                                .remedy = "see `miraclemax plan`",
                                .code = ExitCode::config});
    }
    for (const auto& problem : plan.problems)
        findings.push_back({.what = "component " + problem.component,
                            .ok = false,
                            .text = problem.what,
                            .remedy = problem.remedy,
                            .code = ExitCode::config});
    findings.push_back({.what = "components", .text = fmt::format("{} selected", components)});
}

} // namespace

std::vector<Finding> check(const Settings& settings, const Connect& connect,
                           const std::optional<std::string>& self_id) {
    std::vector<Finding> findings{check_backups(settings), check_state(settings), check_zone()};
    check_tiers(settings, findings);
    check_keys(settings, findings);
    for (const auto& each : emptied_by_the_dead(settings))
        findings.push_back({.what = "component " + each.component.component,
                            .ok = false,
                            .text = each.what,
                            .remedy = {},
                            .code = ExitCode::not_released});
    for (const auto& record : RestoreRecords(settings).all())
        for (const auto& each : record.components)
            if (!each.strays.empty())
                findings.push_back({.what = "component " + each.component, .text = where_strays_lie(each)});
    try {
        const auto engine = connect();
        const Host host = survey(*engine, self_id);
        findings.push_back(
            {.what = "socket",
             .text = "podman " + host.info.version + (host.info.rootless ? ", rootless" : ", rootful")});
        findings.push_back(check_image(*engine, host));
        check_plan(settings, host, findings);
    } catch (const Error& error) {
        findings.push_back(wrong(error.code() == ExitCode::nothing ? "components" : "socket", error));
    }
    return findings;
}

} // namespace miraclemax::run
