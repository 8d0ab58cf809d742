// Whether the private keys in a home have a passphrase.
#pragma once

#include "openpgp/encryption.hpp"

namespace miraclemax::openpgp {

// True when any private key in the home has one. gpg has no question for it that asks nobody, so the agent's
// own files are looked at: S-expressions, agent/keyformat.txt of GnuPG. One in a form that is not known
// counts as having none: then decrypting tells.
[[nodiscard]] bool needs_passphrase(const Home& home);

} // namespace miraclemax::openpgp
