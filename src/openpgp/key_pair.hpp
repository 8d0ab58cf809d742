// A key pair for backups: made once, its private half carried away and never needed on this host again.
#pragma once

#include "openpgp/encryption.hpp"

namespace miraclemax::openpgp {

struct KeyPair {
    std::string fingerprint;
    std::string public_key; // ASCII-armored (RFC 4880, 6.2)
    std::string
        private_key; // ASCII-armored, locked by the passphrase as `gpg --export-secret-keys` writes it
};

// RSA: one key that certifies and signs, one subkey that encrypts, neither of which expires. An empty
// passphrase: the private key has none. Made in a throwaway home that is gone when this returns. Takes
// seconds. Throws Error (key).
KeyPair make_key_pair(const std::string& owner, const std::string& passphrase, unsigned bits = 4096);

// Encrypts a probe to the public key, imports the private key into another throwaway home and opens the probe
// there. Throws Error (key) when that does not give the probe back.
void prove_key_pair(const std::string& public_key, const std::string& private_key,
                    const std::string& passphrase);

} // namespace miraclemax::openpgp
