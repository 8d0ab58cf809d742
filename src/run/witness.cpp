#include "run/witness.hpp"

#include "openpgp/encryption.hpp"

#include <algorithm>

namespace miraclemax::run {
namespace {

constexpr const char* signature_file = "manifest.json.sig";

void disbelieve(Examination& examination, Signature signature, const std::string& what,
                const char* where = signature_file) {
    examination.signature = signature;
    examination.faults.push_back(
        {.where = where, .what = what, .component = {}, .code = ExitCode::untrusted});
}

bool holds_key(const Examination& examination) {
    return examination.manifest && !examination.manifest->signer_key.empty();
}

std::string claimed(const Examination& examination) {
    if (!examination.signer.empty())
        return examination.signer;
    return examination.manifest && !examination.manifest->signer.empty() ? examination.manifest->signer
                                                                         : "an unknown key";
}

} // namespace

Witness::Witness(const Settings& settings, const Trust& trust) : unsigned_is_fine_(trust.unsigned_is_fine) {
    for (const auto* wanted : {&settings.signers, &trust.signers})
        for (const auto& each : *wanted) {
            believed_.push_back(openpgp::full_fingerprint(each));
            if (believed_.back().empty())
                throw Error(ExitCode::usage, "the signer '" + each + "' is no full fingerprint",
                            "give all of its 40 or 64 hex digits (`miraclemax key` on the host that signs)");
        }
    for (const auto& key : own_signing_keys(settings)) {
        believed_.push_back(key.fingerprint);
        own_keys_ += key.public_key;
    }
}

bool Witness::believes(const std::string& fingerprint) const {
    return std::find(believed_.begin(), believed_.end(), fingerprint) != believed_.end();
}

void Witness::judge_unsigned(Examination& examination) const {
    examination.signature = Signature::unsigned_;
    if (unsigned_is_fine_)
        return;
    if (examination.manifest && !examination.manifest->signer.empty())
        disbelieve(examination, Signature::unsigned_,
                   "is missing: the manifest says that " + examination.manifest->signer + " signed it");
    else
        disbelieve(examination, Signature::unsigned_, "is not signed", "manifest.json");
}

void Witness::judge_good(Examination& examination) const {
    if (examination.manifest && examination.manifest->signer != examination.signer)
        disbelieve(examination, Signature::bad,
                   "is by " + examination.signer + ", and the manifest names another signer");
    else if (believes(examination.signer))
        examination.signature = Signature::good;
    else if (unsigned_is_fine_)
        examination.signature = Signature::unknown_key;
    else
        disbelieve(examination, Signature::unknown_key,
                   "is by " + examination.signer + ", which this host does not know (if it is right, say " +
                       "--signer " + examination.signer + ")");
}

void Witness::judge(Examination& examination, const std::string& json,
                    const std::optional<std::string>& signature) const {
    if (!signature)
        return judge_unsigned(examination);
    const openpgp::Home home;
    try {
        if (holds_key(examination))
            openpgp::import_keys(home, examination.manifest->signer_key);
        else if (!own_keys_.empty())
            openpgp::import_keys(home, own_keys_);
    } catch (const Error& error) {
        return disbelieve(examination, Signature::bad,
                          std::string("holds no public key in signer_key: ") + error.what(), "manifest.json");
    }
    const auto check = openpgp::check_signature(home, json, *signature);
    examination.signer = check.signer;
    if (check.standing == openpgp::Standing::good)
        return judge_good(examination);
    if (check.standing == openpgp::Standing::bad)
        return disbelieve(
            examination, Signature::bad,
            check.why == "does not fit"
                ? "does not fit: manifest.json was changed after it was signed, or the signature "
                  "is another's"
                : check.why);
    if (holds_key(examination))
        return disbelieve(examination, Signature::bad,
                          "is by " + claimed(examination) + ", whose key is not the one in the manifest");
    examination.signature = Signature::unknown_key;
    if (!unsigned_is_fine_)
        disbelieve(examination, Signature::unknown_key,
                   "is by " + claimed(examination) + ", whose public key is not here");
}

} // namespace miraclemax::run
