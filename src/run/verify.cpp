#include "run/verify.hpp"

#include "run/chain.hpp"
#include "run/context.hpp"
#include "run/verify_choice.hpp"
#include "run/witness.hpp"

#include <algorithm>

namespace miraclemax::run {
namespace {

constexpr auto worst_first = {ExitCode::damaged, ExitCode::untrusted, ExitCode::key};

// A failure that is not the archive's: the next one would fail by it too.
bool ends_all(const Error& error) {
    return error.code() == ExitCode::interrupted || error.code() == ExitCode::podman ||
           error.code() == ExitCode::config;
}

class Verification {
public:
    Verification(const Settings& settings, const VerifyRequest& request, const Rehearse& rehearse,
                 const VerifyProgress& progress, const std::stop_token& stop)
        : request_(request), rehearse_(rehearse), progress_(progress), stop_(stop),
          folder_(settings.backups, store::Use::reading), witness_(settings, request.trust),
          proofs_(settings.proofs()) {}

    VerifyResult run() {
        VerifyResult result;
        for (const auto& chosen : choose(folder_, request_)) {
            const auto path = folder_.path_of(chosen.id);
            const auto gone = [&] {
                std::error_code trouble;
                const bool left = std::filesystem::exists(path, trouble);
                if (!left)
                    result.warnings.push_back("the backup " + chosen.id + " was removed meanwhile");
                return !left;
            };
            if (gone())
                continue;
            std::optional<Verified> looked_at;
            try {
                looked_at = verify_one(chosen);
            } catch (const Error& error) {
                if (error.code() != ExitCode::not_found || !gone())
                    throw;
                continue;
            }
            auto& verified = *looked_at;
            if (verified.code() != ExitCode::ok && gone())
                continue;
            try {
                keep(chosen, verified);
            } catch (const Error& error) { // what was found holds all the same
                result.warnings.emplace_back(error.what());
            }
            if (progress_.ended)
                progress_.ended(verified);
            result.backups.push_back(std::move(verified));
        }
        return result;
    }

private:
    Verified verify_one(const Chosen& chosen) {
        const Scope scope{.components = chosen.components,
                          .progress =
                              [&](std::uint64_t bytes, std::uint64_t of) {
                                  if (progress_.examined)
                                      progress_.examined(chosen.id, bytes, of);
                              },
                          .stop = stop_};
        Verified verified{
            .examination = examine(folder_, chosen.id, witness_, scope), .components = {}, .rehearsals = {}};
        if (!verified.examination.manifest)
            return verified;
        for (const auto& record : verified.examination.manifest->components) {
            const auto& only = chosen.components;
            if (!only.empty() && std::find(only.begin(), only.end(), record.name) == only.end())
                continue;
            verified.components.push_back(record.name);
            if (request_.depth != Depth::stored)
                verified.rehearsals.push_back(rehearse_one(verified.examination, record));
        }
        // Last: what is missing before it is no reason not to open it. A forged manifest may name anything.
        if (verified.examination.signature != Signature::bad)
            if (auto gap = Chain(folder_, witness_).gap_before(*verified.examination.manifest))
                verified.examination.faults.push_back(std::move(*gap));
        return verified;
    }

    // A private key is not brought near a file that is already known to be bad, or whose origin is not.
    static std::string why_not(const Examination& examination, const catalog::ComponentRecord& record) {
        for (const auto& fault : examination.faults) {
            if (fault.code == ExitCode::untrusted)
                return "not opened, since the backup is not trusted";
            if (fault.component == record.name)
                return "not opened, since " + fault.where + " is damaged";
        }
        return {};
    }

    Rehearsal rehearse_one(const Examination& examination, const catalog::ComponentRecord& record) {
        Rehearsal rehearsal{.component = record.name, .trouble = why_not(examination, record), .found = {}};
        if (!rehearsal.trouble.empty()) {
            rehearsal.outcome = Outcome::not_tried; // the fault has its own code
            return rehearsal;
        }
        if (!request_.keys.opens(record.archive)) {
            rehearsal.outcome = Outcome::no_key;
            rehearsal.trouble = record.archive.encryption == "passphrase"
                                    ? "not opened: its passphrase is not at hand"
                                    : "not opened: no private key that opens it is at hand";
            rehearsal.code = request_.depth == Depth::deep ? ExitCode::key : ExitCode::ok;
            return rehearsal;
        }
        try {
            rehearsal.found = rehearse_(
                request_.keys, record, folder_.path_of(examination.id), [&](const archive::Unpacked& so_far) {
                    if (progress_.rehearsed)
                        progress_.rehearsed(examination.id, record.name, so_far.bytes, record.entries.bytes);
                });
        } catch (const Error& error) {
            if (ends_all(error) || stop_.stop_requested())
                throw;
            rehearsal.outcome = Outcome::bad;
            rehearsal.trouble = error.what();
            rehearsal.code = error.code();
        }
        return rehearsal;
    }

    void keep(const Chosen& chosen, const Verified& verified) {
        const auto& examination = verified.examination;
        auto proof = proofs_.of(examination.id).value_or(catalog::Proof{});
        const auto now = utc_time(std::chrono::system_clock::now());
        note_files(proof, examination, chosen.components, now);
        if (request_.trust.unsigned_is_fine && examination.signature != Signature::good) {
            proofs_.keep(examination.id, proof);
            return;
        }
        if (!examination.good()) {
            const auto& first = examination.faults.front();
            proof.examined_trouble = first.where + ": " + first.what;
        } else if (chosen.components.empty()) { // else only a part was looked at
            proof.examined = now;
            proof.examined_trouble.clear();
        }
        for (const auto& each : verified.rehearsals) {
            auto& kept = proof.components[each.component];
            if (each.outcome == Outcome::good)
                kept = {.at = now, .trouble = {}};
            else if (each.outcome == Outcome::bad && each.code == ExitCode::damaged)
                kept.trouble = each.trouble;
        }
        std::erase_if(proof.components,
                      [](const auto& each) { return each.second.at.empty() && each.second.trouble.empty(); });
        proofs_.keep(examination.id, proof);
    }

    const VerifyRequest& request_;
    const Rehearse& rehearse_;
    const VerifyProgress& progress_;
    const std::stop_token& stop_;
    store::BackupFolder folder_;
    Witness witness_;
    catalog::Proofs proofs_;
};

} // namespace

ExitCode Verified::code() const {
    auto code = examination.code();
    for (const auto& each : rehearsals)
        code = worse(code, each.code, worst_first);
    return code;
}

ExitCode VerifyResult::code() const {
    auto code = backups.empty() ? ExitCode::not_found : ExitCode::ok;
    for (const auto& each : backups)
        code = worse(code, each.code(), worst_first);
    return code;
}

VerifyResult verify(const Settings& settings, const VerifyRequest& request, const Rehearse& rehearse,
                    const VerifyProgress& progress, const std::stop_token& stop) {
    return Verification(settings, request, rehearse, progress, stop).run();
}

} // namespace miraclemax::run
