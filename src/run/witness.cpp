#include "run/witness.hpp"

#include "openpgp/encryption.hpp"

#include <algorithm>

namespace miraclemax::run {
namespace {

Testimony against(const Signed& text, Signature signature, std::string signer, std::string what) {
    return {.signature = signature,
            .signer = std::move(signer),
            .where = text.file + ".sig",
            .what = std::move(what)};
}

std::string claimed(const Signed& text, const std::string& signer) {
    if (!signer.empty())
        return signer;
    return text.signer.value_or("").empty() ? "an unknown key" : *text.signer;
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

Testimony Witness::hear_unsigned(const Signed& text) const {
    if (unsigned_is_fine_)
        return {};
    if (const auto signer = text.signer.value_or(""); !signer.empty())
        return against(text, Signature::unsigned_, {},
                       "is missing: the " + text.noun + " says that " + signer + " signed it");
    return {.signature = Signature::unsigned_, .signer = {}, .where = text.file, .what = "is not signed"};
}

Testimony Witness::hear_good(const Signed& text, const std::string& signer) const {
    if (text.signer && *text.signer != signer)
        return against(text, Signature::bad, signer,
                       "is by " + signer + ", and the " + text.noun + " names another signer");
    if (believes(signer))
        return {.signature = Signature::good, .signer = signer, .where = {}, .what = {}};
    if (unsigned_is_fine_)
        return {.signature = Signature::unknown_key, .signer = signer, .where = {}, .what = {}};
    return against(text, Signature::unknown_key, signer,
                   "is by " + signer + ", which this host does not know (if it is right, say --signer " +
                       signer + ")");
}

Testimony Witness::hear(const Signed& text) const {
    if (!text.signature)
        return hear_unsigned(text);
    const openpgp::Home home;
    try {
        if (!text.signer_key.empty())
            openpgp::import_keys(home, text.signer_key);
        else if (!own_keys_.empty())
            openpgp::import_keys(home, own_keys_);
    } catch (const Error& error) {
        return {.signature = Signature::bad,
                .signer = {},
                .where = text.file,
                .what = std::string("holds no public key in signer_key: ") + error.what()};
    }
    const auto check = openpgp::check_signature(home, text.bytes, *text.signature);
    if (check.standing == openpgp::Standing::good)
        return hear_good(text, check.signer);
    if (check.standing == openpgp::Standing::bad)
        return against(text, Signature::bad, check.signer,
                       check.why == "does not fit"
                           ? "does not fit: " + text.file + " was changed after it was signed, or the " +
                                 "signature is another's"
                           : check.why);
    if (!text.signer_key.empty())
        return against(text, Signature::bad, check.signer,
                       "is by " + claimed(text, check.signer) + ", whose key is not the one in the " +
                           text.noun);
    if (unsigned_is_fine_)
        return {.signature = Signature::unknown_key, .signer = check.signer, .where = {}, .what = {}};
    return against(text, Signature::unknown_key, check.signer,
                   "is by " + claimed(text, check.signer) + ", whose public key is not here");
}

void Witness::judge(Examination& examination, const std::string& json,
                    const std::optional<std::string>& signature) const {
    const auto& manifest = examination.manifest;
    auto testimony = hear({.noun = "manifest",
                           .file = "manifest.json",
                           .bytes = json,
                           .signature = signature,
                           .signer = manifest ? std::optional(manifest->signer) : std::nullopt,
                           .signer_key = manifest ? manifest->signer_key : ""});
    examination.signature = testimony.signature;
    examination.signer = std::move(testimony.signer);
    if (!testimony.what.empty())
        examination.faults.push_back({.where = std::move(testimony.where),
                                      .what = std::move(testimony.what),
                                      .component = {},
                                      .code = ExitCode::untrusted});
}

} // namespace miraclemax::run
