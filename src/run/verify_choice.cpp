#include "run/verify_choice.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <random>

namespace miraclemax::run {
namespace {

bool holds(const catalog::Manifest& manifest, const std::string& component) {
    return std::any_of(manifest.components.begin(), manifest.components.end(),
                       [&](const auto& each) { return each.name == component; });
}

// Also those that lost their manifest: nobody else tells of them.
std::vector<std::string> all_ids(const store::BackupFolder& folder) {
    std::vector<std::string> ids;
    for (const auto& record : catalog::Catalog(folder).records())
        ids.push_back(record.id);
    std::error_code trouble;
    for (const auto& entry : std::filesystem::directory_iterator(folder.root(), trouble)) {
        const auto name = entry.path().filename().string();
        if (store::is_backup_id(name) &&
            entry.symlink_status().type() == std::filesystem::file_type::directory &&
            std::find(ids.begin(), ids.end(), name) == ids.end())
            ids.push_back(name);
    }
    return ids;
}

// nullopt: it can't be read, or was removed meanwhile.
std::optional<catalog::Manifest> manifest_of(const store::BackupFolder& folder, const std::string& id) {
    try {
        return catalog::Catalog(folder).find(id).manifest;
    } catch (const Error& error) {
        if (error.code() != ExitCode::not_found)
            throw;
        return std::nullopt;
    }
}

std::vector<std::string> wanted_ids(const store::BackupFolder& folder, const VerifyRequest& request) {
    const catalog::Catalog catalog(folder);
    if (request.all || (request.ids.empty() && request.sample > 0)) {
        auto ids = all_ids(folder);
        if (ids.empty())
            ids.push_back(catalog.find("latest").id); // throws, and says why
        return ids;
    }
    std::vector<std::string> ids;
    for (const auto& wanted : request.ids.empty() ? std::vector<std::string>{"latest"} : request.ids) {
        std::error_code trouble;
        const bool there =
            store::is_backup_id(wanted) && std::filesystem::is_directory(folder.path_of(wanted), trouble);
        const auto id = there ? wanted : catalog.find(wanted).id;
        if (std::find(ids.begin(), ids.end(), id) == ids.end())
            ids.push_back(id);
    }
    return ids;
}

// A backup whose manifest can't be read stays chosen: it is to be told. `missing`: of those asked for by
// name.
std::vector<Chosen> with_components(const store::BackupFolder& folder, const VerifyRequest& request) {
    std::vector<Chosen> chosen;
    std::map<std::string, bool> found;
    for (const auto& id : wanted_ids(folder, request)) {
        Chosen one{.id = id, .components = {}};
        std::error_code trouble;
        if (!std::filesystem::exists(folder.path_of(id) / "manifest.json", trouble) ||
            request.components.empty()) {
            chosen.push_back(std::move(one));
            continue;
        }
        const auto manifest = manifest_of(folder, id);
        for (const auto& name : request.components)
            if (manifest && holds(*manifest, name)) {
                one.components.push_back(name);
                found[name] = true;
            } else if (manifest && !request.all) {
                throw Error(ExitCode::not_found, "the backup " + id + " holds no component " + name,
                            "`miraclemax show " + id + "` lists what it holds");
            }
        if (!manifest || !one.components.empty())
            chosen.push_back(std::move(one));
    }
    for (const auto& name : request.components)
        if (request.all && !found[name])
            throw Error(ExitCode::not_found, "no backup holds a component " + name);
    return chosen;
}

// Every archive has the same chance, whichever backup it is in.
std::vector<Chosen> sample(const store::BackupFolder& folder, const VerifyRequest& request,
                           std::vector<Chosen> from) {
    struct Ticket {
        std::string id, component;
    };
    std::vector<Ticket> tickets;
    std::vector<Chosen> chosen;
    for (auto& each : from) {
        const auto manifest = manifest_of(folder, each.id);
        if (!manifest) {
            chosen.push_back(each);
            continue;
        }
        for (const auto& component : manifest->components)
            if (each.components.empty() || std::find(each.components.begin(), each.components.end(),
                                                     component.name) != each.components.end())
                tickets.push_back({.id = each.id, .component = component.name});
    }
    const auto random = request.random ? request.random : [] {
        std::random_device device;
        return static_cast<std::uint64_t>(device()) << 32U | device();
    };
    const auto part = std::ceil(static_cast<double>(tickets.size()) * request.sample / 100);
    const auto count =
        std::clamp<std::size_t>(static_cast<std::size_t>(part), tickets.empty() ? 0 : 1, tickets.size());
    for (std::size_t i = 0; i < count; ++i)
        std::swap(tickets[i], tickets[i + random() % (tickets.size() - i)]);
    tickets.resize(count);
    for (const auto& each : from) { // in the order of the backups again
        Chosen one{.id = each.id, .components = {}};
        for (const auto& ticket : tickets)
            if (ticket.id == each.id)
                one.components.push_back(ticket.component);
        if (!one.components.empty())
            chosen.push_back(std::move(one));
    }
    return chosen;
}

} // namespace

std::vector<Chosen> choose(const store::BackupFolder& folder, const VerifyRequest& request) {
    if (!request.chosen.empty())
        return request.chosen;
    auto chosen = with_components(folder, request);
    return request.sample > 0 ? sample(folder, request, std::move(chosen)) : chosen;
}

} // namespace miraclemax::run
