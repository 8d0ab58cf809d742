#include "cli/reports.hpp"

#include "cli/text.hpp"
#include "cli/verify_report.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <ostream>

namespace miraclemax::cli {
namespace {

using nlohmann::json;

std::string dumped(const json& object) {
    return object.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

std::string verdict(const catalog::Record& record) {
    if (!record.manifest)
        return "UNREADABLE: " + record.trouble;
    const auto& manifest = *record.manifest;
    std::string text = manifest.complete ? "complete" : "incomplete";
    if (manifest.safety)
        text += ", safety backup of a restore in place";
    else if (manifest.partial)
        text += ", single components";
    for (const auto& failed : manifest.failed)
        text += ", without " + failed.name;
    return text + (record.latest ? ", latest" : "");
}

std::string proven_column(const std::string& proven) {
    return proven == "FAULTY" ? proven : proven == "never" ? "never proven" : "proven " + proven;
}

void print_component(const catalog::ComponentRecord& each, std::ostream& out) {
    const auto& entries = each.entries;
    out << line(fmt::format("  {:<24} {}, {} stored, {} in {}", each.name, each.archive.file.path,
                            bytes_text(each.archive.file.size), bytes_text(entries.bytes),
                            plural(entries.entries, "entry")));
    std::string how;
    for (const auto& frozen : each.freeze.containers)
        how += fmt::format("{}{} {} {}", how.empty() ? "" : ", ", frozen.name, frozen.how,
                           time_text(std::chrono::milliseconds(frozen.milliseconds)));
    out << line(fmt::format("  {:<24} {}", "", how.empty() ? "nothing had to be frozen" : "frozen: " + how));
    if (!each.complete)
        out << line(fmt::format(
            "  {:<24} NOT WHOLE: {} changed, {} unreadable, {} on other file systems; names in {}", "",
            entries.changed, entries.unreadable, entries.elsewhere, each.report.path));
    if (!each.freeze.consistent)
        out << fmt::format("  {:<24} read without the other components of its group\n", "");
}

} // namespace

void print_list(const std::vector<catalog::Record>& records, const catalog::Proofs& proofs, bool as_json,
                std::ostream& out) {
    if (as_json) {
        json list = json::array();
        for (const auto& record : records) {
            const auto proof = proofs.of(record.id);
            json object{{"id", record.id},
                        {"stored", record.stored},
                        {"latest", record.latest},
                        {"readable", record.manifest.has_value()},
                        {"proven", proven_text(proof, record.manifest)},
                        {"proof", json::parse(proof_json(proof))}};
            if (record.manifest) {
                object["complete"] = record.manifest->complete;
                object["partial"] = record.manifest->partial;
                object["safety"] = record.manifest->safety;
                object["ended"] = record.manifest->ended;
                json names = json::array();
                for (const auto& each : record.manifest->components)
                    names.push_back(each.name);
                object["components"] = names;
            } else {
                object["trouble"] = record.trouble;
            }
            list.push_back(std::move(object));
        }
        out << dumped(list);
        return;
    }
    for (const auto& record : records)
        out << line(
            fmt::format("{:<20} {:>10}  {:>14}  {:<23}  {}", record.id, bytes_text(record.stored),
                        record.manifest ? plural(record.manifest->components.size(), "component") : "?",
                        proven_column(proven_text(proofs.of(record.id), record.manifest)), verdict(record)));
    if (records.empty())
        out << "no backup yet\n";
}

void print_backup(const catalog::Manifest& manifest, const std::string& folder, std::ostream& out) {
    out << line(fmt::format("backup {} of host {}, {}", manifest.id, manifest.host,
                            manifest.complete ? "complete" : "INCOMPLETE"));
    out << line(fmt::format("  {} to {}, {}, podman {}", manifest.began, manifest.ended, manifest.tool,
                            manifest.podman));
    out << "  in " << line(folder);
    out << (manifest.signer.empty() ? "  not signed\n" : "  signed by " + safe(manifest.signer) + "\n");
    for (const auto& each : manifest.components)
        print_component(each, out);
    for (const auto& each : manifest.failed)
        out << line(fmt::format("  {:<24} FAILED: {}{}", each.name, each.reason,
                                each.last_good.empty() ? "; no good backup of it exists"
                                                       : "; last good backup: " + each.last_good));
}

void print_backup_json(const catalog::Manifest& manifest, const std::optional<catalog::Proof>& proof,
                       std::ostream& out) {
    auto object = nlohmann::ordered_json::parse(catalog::to_json(manifest));
    object["proof"] = nlohmann::ordered_json::parse(proof_json(proof));
    out << object.dump(2) << '\n';
}

void print_result(const run::BackupResult& result, const std::string& folder, bool as_json,
                  std::ostream& out) {
    if (as_json) {
        json failed = json::array();
        for (const auto& each : result.manifest.failed)
            failed.push_back(each.name);
        out << json{{"event", "ended"},
                    {"id", result.published ? json(result.manifest.id) : json(nullptr)},
                    {"complete", result.published && result.manifest.complete},
                    {"latest", result.latest},
                    {"failed", failed},
                    {"unreleased", result.unreleased},
                    {"exit_code", static_cast<int>(result.code)}}
                   .dump(-1, ' ', false, json::error_handler_t::replace)
            << '\n';
        return;
    }
    if (!result.published)
        out << "NO BACKUP WAS MADE: no component could be backed up\n";
    else
        out << line(fmt::format("backup {} is {}: {}", result.manifest.id,
                                result.manifest.complete ? "complete" : "INCOMPLETE", folder));
    for (const auto& sentence : result.unreleased)
        out << "CONTAINERS ARE NOT AS THEY WERE: " << line(sentence);
}

void print_findings(const std::vector<run::Finding>& findings, bool as_json, std::ostream& out) {
    if (as_json) {
        json list = json::array();
        for (const auto& each : findings)
            list.push_back(
                {{"what", each.what}, {"ok", each.ok}, {"text", each.text}, {"remedy", each.remedy}});
        out << dumped(list);
        return;
    }
    for (const auto& each : findings) {
        out << line(fmt::format("{} {}: {}", each.ok ? "ok   " : "WRONG", each.what, each.text));
        if (!each.ok && !each.remedy.empty())
            out << line("      " + each.remedy);
    }
}

void print_recovery(const run::Recovery& recovery, bool as_json, std::ostream& out) {
    const auto& report = recovery.containers;
    if (as_json) {
        json list = json::array();
        for (const auto& each : report.containers)
            list.push_back({{"run", each.run},
                            {"container", each.name},
                            {"id", each.id},
                            {"what", each.what},
                            {"ok", each.ok}});
        json data = json::array();
        for (const auto& each : recovery.data)
            data.push_back(
                {{"run", each.run}, {"component", each.component}, {"what", each.what}, {"ok", each.ok}});
        out << dumped({{"containers", list},
                       {"data", data},
                       {"workers", recovery.workers},
                       {"warnings", report.warnings},
                       {"for_podman", recovery.for_podman},
                       {"ok", recovery.ok()}});
        return;
    }
    for (const auto& each : recovery.data)
        out << line(
            fmt::format("{} component {}: {}", each.ok ? "ok   " : "WRONG", each.component, each.what));
    for (const auto& each : report.containers)
        out << line(fmt::format("{} container {}: {}", each.ok ? "ok   " : "WRONG", each.name, each.what));
    for (const auto& worker : recovery.workers)
        out << line("ok    removed the left-over worker " + worker);
    for (const auto& warning : report.warnings)
        out << line("warning: " + warning);
    if (report.containers.empty() && recovery.data.empty() && recovery.workers.empty() &&
        report.warnings.empty() && recovery.for_podman.empty())
        out << "nothing to recover: every container is as it was\n";
}

} // namespace miraclemax::cli
