#include "cli/verify_report.hpp"

#include "cli/text.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <ostream>

namespace miraclemax::cli {
namespace {

using nlohmann::json;

const char* name_of(run::Signature signature) {
    switch (signature) {
    case run::Signature::good:
        return "good";
    case run::Signature::unsigned_:
        return "unsigned";
    case run::Signature::bad:
        return "bad";
    case run::Signature::unknown_key:
        break;
    }
    return "unknown_key";
}

const char* name_of(run::Outcome outcome) {
    switch (outcome) {
    case run::Outcome::good:
        return "good";
    case run::Outcome::bad:
        return "bad";
    case run::Outcome::no_key:
        return "no_key";
    case run::Outcome::not_tried:
        break;
    }
    return "not_tried";
}

std::string verdict(const run::Verified& verified) {
    const auto& faults = verified.examination.faults;
    const bool whole =
        std::all_of(faults.begin(), faults.end(), [](const auto& each) { return each.of_chain; }) &&
        std::all_of(verified.rehearsals.begin(), verified.rehearsals.end(),
                    [](const auto& each) { return each.code == ExitCode::ok; });
    if (!faults.empty() && whole)
        return "whole, but THE CHAIN BEFORE IT IS BROKEN";
    switch (verified.code()) {
    case ExitCode::ok:
        return "good";
    case ExitCode::damaged:
        return "DAMAGED";
    case ExitCode::untrusted:
        return "NOT TRUSTED";
    case ExitCode::key:
        return "not opened";
    default:
        return "FAILED";
    }
}

std::string signature_text(const run::Examination& examination) {
    switch (examination.signature) {
    case run::Signature::good:
        return "signed by " + examination.signer;
    case run::Signature::unsigned_:
        return "not signed";
    case run::Signature::unknown_key:
        return "signed by a key that is not known here";
    case run::Signature::bad:
        break;
    }
    return "its signature is not right";
}

std::string rehearsal_text(const run::Rehearsal& rehearsal) {
    if (rehearsal.outcome == run::Outcome::good)
        return fmt::format("opened and compared: {}, {}", plural(rehearsal.found.entries, "entry"),
                           bytes_text(rehearsal.found.bytes));
    return (rehearsal.outcome == run::Outcome::bad ? "FAULTY: " : "") + rehearsal.trouble;
}

void print_component(const run::Verified& verified, const catalog::ComponentRecord& record,
                     std::ostream& out) {
    bool good = true;
    for (const auto& fault : verified.examination.faults)
        if (fault.component == record.name) {
            out << line(fmt::format("  {:<24} FAULTY: {}: {}", record.name, fault.where, fault.what));
            good = false;
        }
    const auto bytes = record.archive.file.size + record.inventory.size + record.report.size;
    std::string text = good ? fmt::format("{} as they were stored", bytes_text(bytes)) : "";
    for (const auto& rehearsal : verified.rehearsals)
        if (rehearsal.component == record.name)
            text += (text.empty() ? "" : "; ") + rehearsal_text(rehearsal);
    if (!text.empty())
        out << line(fmt::format("  {:<24} {}", record.name, text));
}

json object_of(const run::Verified& verified) {
    const auto& examination = verified.examination;
    json faults = json::array();
    for (const auto& each : examination.faults)
        faults.push_back({{"where", each.where},
                          {"what", each.what},
                          {"component", each.component},
                          {"chain", each.of_chain},
                          {"code", static_cast<int>(each.code)}});
    json rehearsals = json::array();
    for (const auto& each : verified.rehearsals)
        rehearsals.push_back({{"component", each.component},
                              {"outcome", name_of(each.outcome)},
                              {"trouble", each.trouble},
                              {"entries", each.found.entries},
                              {"bytes", each.found.bytes},
                              {"code", static_cast<int>(each.code)}});
    return {{"id", examination.id},
            {"good", verified.code() == ExitCode::ok},
            {"signature", name_of(examination.signature)},
            {"signer", examination.signer},
            {"components", verified.components},
            {"faults", std::move(faults)},
            {"rehearsals", std::move(rehearsals)},
            {"code", static_cast<int>(verified.code())}};
}

json object_of(const run::VerifyResult& result) {
    json backups = json::array();
    for (const auto& each : result.backups)
        backups.push_back(object_of(each));
    return {{"backups", std::move(backups)},
            {"warnings", result.warnings},
            {"exit_code", static_cast<int>(result.code())}};
}

std::string day_of(const std::string& time) {
    return time.substr(0, 10);
}

} // namespace

Meter::Meter(Form form, std::ostream& out, std::function<bool()> takes_more)
    : draws_(form == Form::bars), out_(out), takes_more_(std::move(takes_more)) {}

void Meter::show(const std::string& what, std::uint64_t bytes, std::uint64_t of) {
    const auto now = std::chrono::steady_clock::now();
    if (!draws_ || now - drawn_ < std::chrono::milliseconds(100) || !takes_more_())
        return;
    const double part = of == 0 ? 0 : std::min(1.0, static_cast<double>(bytes) / static_cast<double>(of));
    const auto full = static_cast<std::size_t>(part * 20);
    out_ << "\r\x1b[2K"
         << fmt::format("{:<40.40} {:>10} [{}{}] {:3.0f} %", safe(what), bytes_text(bytes),
                        std::string(full, '#'), std::string(20 - full, '.'), part * 100)
         << std::flush;
    drawn_ = now;
    shown_ = true;
}

void Meter::clear() {
    if (shown_)
        out_ << "\r\x1b[2K" << std::flush;
    shown_ = false;
}

void print_verified(const run::Verified& verified, std::ostream& out) {
    const auto& examination = verified.examination;
    out << line(
        fmt::format("backup {}: {}, {}", examination.id, verdict(verified), signature_text(examination)));
    for (const auto& fault : examination.faults)
        if (fault.component.empty())
            out << line(fmt::format("  FAULTY: {}: {}", fault.where, fault.what));
    if (!examination.manifest)
        return;
    for (const auto& record : examination.manifest->components) {
        const auto& looked_at = verified.components;
        if (std::find(looked_at.begin(), looked_at.end(), record.name) != looked_at.end())
            print_component(verified, record, out);
    }
}

void print_verify_result(const run::VerifyResult& result, bool as_json, std::ostream& out) {
    if (as_json) {
        out << object_of(result).dump(2, ' ', false, json::error_handler_t::replace) << '\n';
        return;
    }
    for (const auto& warning : result.warnings)
        out << "warning: " << line(warning);
    const auto good = std::count_if(result.backups.begin(), result.backups.end(),
                                    [](const auto& each) { return each.code() == ExitCode::ok; });
    if (result.backups.size() > 1)
        out << fmt::format("{} of {} backups are good\n", good, result.backups.size());
}

void print_verified_event(const run::VerifyResult& result, std::ostream& out) {
    auto object = object_of(result);
    object["event"] = "verified";
    out << object.dump(-1, ' ', false, json::error_handler_t::replace) << '\n';
}

std::string proven_text(const std::optional<catalog::Proof>& proof,
                        const std::optional<catalog::Manifest>& manifest) {
    if (!proof)
        return "never";
    if (!proof->examined_trouble.empty())
        return "FAULTY";
    bool deep = manifest && !manifest->components.empty();
    std::string oldest;
    for (const auto& [name, each] : proof->components)
        if (!each.trouble.empty())
            return "FAULTY";
    for (const auto& record : manifest ? manifest->components : std::vector<catalog::ComponentRecord>{}) {
        const auto kept = proof->components.find(record.name);
        deep = deep && kept != proof->components.end() && !kept->second.at.empty();
        if (deep && (oldest.empty() || kept->second.at < oldest))
            oldest = kept->second.at;
    }
    if (deep)
        return day_of(oldest) + " deep";
    if (!proof->examined.empty())
        return day_of(proof->examined);
    return proof->components.empty() ? "never" : "in part";
}

std::string proof_json(const std::optional<catalog::Proof>& proof) {
    if (!proof)
        return "null";
    json components = json::object();
    for (const auto& [name, each] : proof->components)
        components[name] = {{"at", each.at}, {"trouble", each.trouble}};
    return json{{"examined", proof->examined},
                {"examined_trouble", proof->examined_trouble},
                {"components", std::move(components)}}
        .dump(-1, ' ', false, json::error_handler_t::replace);
}

void print_proof(const std::optional<catalog::Proof>& proof, const catalog::Manifest& manifest,
                 std::ostream& out) {
    const auto when = [](const std::string& time) { return time.empty() ? std::string("never") : time; };
    out << line("  proven: " + proven_text(proof, manifest));
    if (!proof)
        return;
    out << line("  examined: " + when(proof->examined) +
                (proof->examined_trouble.empty() ? "" : "; since then FAULTY: " + proof->examined_trouble));
    for (const auto& [name, each] : proof->components)
        out << line(fmt::format("  {:<24} opened and compared: {}{}", name, when(each.at),
                                each.trouble.empty() ? "" : "; since then FAULTY: " + each.trouble));
}

} // namespace miraclemax::cli
