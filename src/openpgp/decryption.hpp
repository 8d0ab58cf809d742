// Decrypting with a private key, or a passphrase, that is here for this moment alone.
#pragma once

#include "openpgp/encryption.hpp"

namespace miraclemax::openpgp {

// Imports private keys (armored or binary, as `gpg --export-secret-keys` writes them; several one after the
// other) into a throwaway home. Returns the fingerprints of the primary keys. Throws Error (key) when there
// is no private key in the bytes. Does not ask for their passphrase.
std::vector<std::string> import_private_keys(const Home& home, const std::string& bytes);

struct Unlocking {
    std::string key_passphrase; // of the private key; empty: it has none
    std::string passphrase;     // of a message that was encrypted to a passphrase
};

// Decrypts all that `from` gives, to `to`, and finishes it. Returns when gpg has said that the message was
// whole (DECRYPTION_OKAY and GOODMDC, or an AEAD message's equivalent). Throws Error (key) when no private
// key here opens it, or the passphrase is wrong: the sentence says which keys would. Throws Error (damaged)
// when the message is no OpenPGP, cut, changed, or has more packets than one message. An Error of `to` comes
// through as it is, and gpg is ended. `from` and `to` are used in the calling thread; two threads may each
// decrypt with the same home (session keys are opened one at a time: a second one waits until the first
// message's is). Bytes may have reached `to` before it throws: whoever reads them must not believe them yet.
void decrypt(stream::Source& from, stream::Sink& to, const Home& home, const Unlocking& unlocking);

} // namespace miraclemax::openpgp
