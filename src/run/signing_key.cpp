#include "run/signing_key.hpp"

#include "openpgp/encryption.hpp"

namespace miraclemax::run {

SigningKey signing_key(const Settings& settings) {
    const openpgp::Home home(settings.signing_home());
    const auto fingerprint = openpgp::ensure_signing_key(home, settings.instance);
    return {.fingerprint = fingerprint, .public_key = openpgp::export_keys(home, {fingerprint})};
}

std::string sign(const Settings& settings, const std::string& bytes) {
    const openpgp::Home home(settings.signing_home());
    return openpgp::sign(home, openpgp::ensure_signing_key(home, settings.instance), bytes);
}

} // namespace miraclemax::run
