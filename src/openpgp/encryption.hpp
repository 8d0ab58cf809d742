// OpenPGP by GPGME: what a worker needs to encrypt and a controller to check keys and to sign.
#pragma once

#include "stream/file.hpp"
#include "stream/stream.hpp"

#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace miraclemax::openpgp {

// A private GNUPGHOME that is gone with the object, agent included. Lives on tmpfs where there is one
// (/dev/shm, /run, else /tmp), 0700, with a short path (gpg's agent socket has a limit of ~100 bytes).
class Home {
public:
    Home(); // also removes those that killed processes left
    explicit Home(
        std::filesystem::path kept); // an existing home that stays (the signing key's, in the state folder)
    // One that is gone with the object, in a subfolder of another: whatever happens to this process, it goes
    // when that folder is removed. Elsewhere, like Home(), only where the path would be too long for gpg.
    static std::unique_ptr<Home> within(const Home& above);
    ~Home();
    Home(const Home&) = delete;
    Home& operator=(const Home&) = delete;
    [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }

private:
    Home(std::filesystem::path made, bool kept);

    std::filesystem::path path_;
    bool kept_ = false;
    stream::Descriptor alive_; // the folder, locked: a throwaway home without a lock is a dead process's
};

enum class Fault { none, missing, expired, revoked, disabled, cannot_encrypt, ambiguous };
[[nodiscard]] const char* sentence(Fault fault); // "has expired", ...

struct KeyState {
    std::string wanted;      // as configured
    std::string fingerprint; // 40 or 64 hex digits, empty when missing
    std::string owner;       // first user id
    Fault fault = Fault::none;
    std::optional<std::chrono::system_clock::time_point>
        expires; // of the encryption subkey or the key, the earlier
};

// Imports every key file (armored or binary; private keys are refused: a backup host has no business with
// them) and returns the fingerprints found. Throws Error (key) naming the file.
std::vector<std::string> import_keys(const Home& home, const std::vector<std::filesystem::path>& files);
// The same from bytes, for a worker that gets the public keys within its job.
std::vector<std::string> import_keys(const Home& home, const std::string& bytes);
// The public keys of these fingerprints as one binary keyring, to hand to a worker.
std::string export_keys(const Home& home, const std::vector<std::string>& fingerprints);
// One answer for each wanted fingerprint. A wanted value that is no full fingerprint is `ambiguous`.
std::vector<KeyState> inspect_keys(const Home& home, const std::vector<std::string>& wanted);

struct Recipients {
    std::vector<std::string> fingerprints; // full; always-trust
    std::string passphrase;                // symmetric instead, when not empty
};

// Encrypts what is written and hands the message to `next` (binary OpenPGP, no compression, AES256).
// GPGME runs in a thread of its own; `next` is written from that thread. finish() returns when gpg has said
// that it succeeded and `next` is finished. Throws Error (key) for gpg's refusals; an Error of `next` comes
// through as it is.
std::unique_ptr<stream::Sink> encrypt_to(stream::Sink& next, const Home& home, const Recipients& recipients);

// A signing key of the host, in a kept home: made on first use (ed25519, no passphrase, uid "miraclemax
// <instance>"). Returns its fingerprint.
std::string ensure_signing_key(const Home& home, const std::string& instance);
// A detached binary signature over the bytes by that key.
std::string sign(const Home& home, const std::string& fingerprint, const std::string& bytes);
// The signer's fingerprint of a good signature by a key in the home; nullopt when it is bad or unknown.
std::optional<std::string> verify(const Home& home, const std::string& bytes, const std::string& signature);

} // namespace miraclemax::openpgp
