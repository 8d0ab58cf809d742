#include "catalog/manifest.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace miraclemax::catalog {

using Json = nlohmann::ordered_json;

namespace {

Json json_of(const StoredFile& file) {
    return {{"path", file.path}, {"size", file.size}, {"sha256", file.sha256}};
}

Json json_of(const ContentSource& source) {
    Json labels = Json::object();
    for (const auto& [name, value] : source.labels) {
        labels[name] = value;
    }
    Json options = Json::object();
    for (const auto& [name, value] : source.options) {
        options[name] = value;
    }
    return {{"kind", source.kind},
            {"path", source.path},
            {"volume", source.volume},
            {"driver", source.driver},
            {"created_at", source.created_at},
            {"labels", std::move(labels)},
            {"options", std::move(options)},
            {"uid", source.uid},
            {"gid", source.gid},
            {"mode", fmt::format("{:04o}", source.mode & 07777U)}};
}

Json json_of(const Archive& archive) {
    Json recipients = Json::array();
    for (const std::string& fingerprint : archive.recipients) {
        recipients.push_back(fingerprint);
    }
    return {{"kind", archive.kind},
            {"base", archive.base},
            {"compression", archive.compression},
            {"encryption", archive.encryption},
            {"recipients", std::move(recipients)},
            {"file", json_of(archive.file)},
            {"tar", {{"size", archive.tar_size}, {"sha256", archive.tar_sha256}}}};
}

Json json_of(const Entries& entries) {
    return {
        {"entries", entries.entries}, {"files", entries.files},         {"bytes", entries.bytes},
        {"changed", entries.changed}, {"vanished", entries.vanished},   {"unreadable", entries.unreadable},
        {"skipped", entries.skipped}, {"elsewhere", entries.elsewhere}, {"excluded", entries.excluded}};
}

Json json_of(const Freeze& freeze) {
    Json containers = Json::array();
    for (const FrozenContainer& container : freeze.containers) {
        containers.push_back({{"name", container.name},
                              {"id", container.id},
                              {"how", container.how},
                              {"milliseconds", container.milliseconds}});
    }
    return {{"group", freeze.group},
            {"consistent", freeze.consistent},
            {"quiesce", freeze.quiesce},
            {"milliseconds", freeze.milliseconds},
            {"containers", std::move(containers)}};
}

Json json_of(const ComponentRecord& component) {
    return {{"name", component.name},
            {"category", component.category},
            {"priority", component.priority},
            {"encryption", component.encryption},
            {"optional", component.optional},
            {"complete", component.complete},
            {"source", json_of(component.source)},
            {"archive", json_of(component.archive)},
            {"inventory", json_of(component.inventory)},
            {"report", json_of(component.report)},
            {"entries", json_of(component.entries)},
            {"freeze", json_of(component.freeze)},
            {"worker", component.worker},
            {"trusted_xattrs", component.trusted_xattrs},
            {"began", component.began},
            {"ended", component.ended}};
}

} // namespace

std::string to_json(const Manifest& manifest) {
    Json components = Json::array();
    for (const ComponentRecord& component : manifest.components) {
        components.push_back(json_of(component));
    }
    Json failed = Json::array();
    for (const FailedComponent& component : manifest.failed) {
        failed.push_back({{"name", component.name},
                          {"reason", component.reason},
                          {"remedy", component.remedy},
                          {"optional", component.optional},
                          {"last_good", component.last_good}});
    }
    Json json = {
        {"version", manifest.version},
        {"id", manifest.id},
        {"host", manifest.host},
        {"instance", manifest.instance},
        {"tool", manifest.tool},
        {"began", manifest.began},
        {"ended", manifest.ended},
        {"ended_utc", manifest.ended_utc},
        {"podman", manifest.podman},
        {"complete", manifest.complete},
        {"partial", manifest.partial},
        {"components", std::move(components)},
        {"failed", std::move(failed)},
        {"previous", {{"id", manifest.previous_id}, {"sha256", manifest.previous_sha256}}},
        {"signer", manifest.signer},
        {"signer_key", manifest.signer_key},
        {"restore_sha256", manifest.restore_sha256},
    };
    if (manifest.safety)
        json["safety"] = true;
    // Labels and paths may hold any bytes; JSON can't.
    return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

} // namespace miraclemax::catalog
