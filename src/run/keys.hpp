// The public keys that a run encrypts to, checked before anything is frozen.
#pragma once

#include "openpgp/encryption.hpp"
#include "run/settings.hpp"

namespace miraclemax::run {

struct Keys {
    bool configured = false; // a recipient or a passphrase is configured
    std::vector<openpgp::KeyState> recipients;
    std::vector<std::string> fingerprints; // of the usable ones
    std::string keyring;                   // their public keys, for workers
    std::string passphrase;
    std::vector<std::string> problems; // sentences; not empty: nothing may be encrypted
    [[nodiscard]] bool usable() const { return configured && problems.empty(); }
};

// Reads the key files into a throwaway home. Never throws for a bad key: it is told in `problems`.
Keys load_keys(const Settings& settings);

} // namespace miraclemax::run
