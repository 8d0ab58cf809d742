// The host's own signing key: made at first use, lives in the state folder.
#pragma once

#include "run/settings.hpp"

namespace miraclemax::run {

struct SigningKey {
    std::string fingerprint;
    std::string public_key; // binary, for `gpg --import` on the machine that checks backups
    std::string armored;    // the same as text, for the manifest
};

// Throws Error (key).
SigningKey signing_key(const Settings& settings);
// Those that this host has already, the keys of earlier names of the instance included. Makes none, and no
// folder.
std::vector<SigningKey> own_signing_keys(const Settings& settings);
// That key's signature over the bytes, detached and binary. Throws Error (key).
std::string sign(const Settings& settings, const std::string& fingerprint, const std::string& bytes);

} // namespace miraclemax::run
