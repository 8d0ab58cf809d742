// OpenPGP by GPGME: what a worker needs to encrypt and a controller to check keys and to sign.
#pragma once

#include "stream/file.hpp"
#include "stream/stream.hpp"

#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
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
    // Removes what killed processes left, secret keys included.
    static void sweep() noexcept;
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
// One public key, ASCII-armored (RFC 4880, 6.2), to stand in a text.
std::string armored_key(const Home& home, const std::string& fingerprint);
// Without spaces and "0x", upper case; empty when it is no full fingerprint (40 or 64 hex digits).
[[nodiscard]] std::string full_fingerprint(std::string_view wanted);
// One answer for each wanted fingerprint. A wanted value that is no full fingerprint is `ambiguous`.
std::vector<KeyState> inspect_keys(const Home& home, const std::vector<std::string>& wanted);

struct Recipients {
    std::vector<std::string> fingerprints; // full; always-trust
    std::string passphrase;                // symmetric instead, when not empty
    bool ocb = false; // AEAD (OCB) instead of CFB with MDC: faster, and read by gpg 2.2.21 and later alone
};

// Whether the gpg here can (2.4 and later). Throws Error (key) when there is none.
[[nodiscard]] bool makes_ocb();

// Throws Error (key) naming the key that can't be encrypted to, or when there is nothing to encrypt with.
void check_recipients(const Home& home, const Recipients& recipients);

// Encrypts what is written and hands the message to `next` (binary OpenPGP, no compression, AES256).
// gpg is a process of its own; `next` is written from a thread of its own. finish() returns when gpg has said
// that it succeeded and `next` is finished. Throws Error (key) for gpg's refusals, (config) for OCB with a
// gpg before 2.4; an Error of `next` comes through as it is. The recipients were checked.
std::unique_ptr<stream::Sink> encrypt_to(stream::Sink& next, const Home& home, const Recipients& recipients);

// A signing key of the host, in a kept home: made on first use (ed25519, no passphrase, uid "miraclemax
// <instance>"). Returns its fingerprint.
std::string ensure_signing_key(const Home& home, const std::string& instance);
// The fingerprints of the private keys in a home that can sign; makes none.
std::vector<std::string> signing_keys(const Home& home);
// A detached binary signature over the bytes by that key.
std::string sign(const Home& home, const std::string& fingerprint, const std::string& bytes);

// What a detached signature is worth, whoever made it.
enum class Standing {
    good,
    bad,     // it is of other bytes, was changed, is of a revoked key, or is no signature
    unknown, // its key is not in the home
};
struct SignatureCheck {
    Standing standing = Standing::bad;
    std::string
        signer;      // good: the primary key's fingerprint; else what the signature claims, as far as it does
    std::string why; // of a bad one, "is of a key that was revoked"
};
// One signature in the form gpg writes it (is_plain_signature), so that each of its bits counts: gpg itself
// ignores some. That a key has expired since is no reason to disbelieve it. Throws Error (key) when gpg can't
// run.
SignatureCheck check_signature(const Home& home, const std::string& bytes, const std::string& signature);
// One version 4 or 5 signature packet (RFC 4880, 5.2.3) of a file's bytes and nothing else, its lengths the
// shortest that do, with no more beside what is signed than the key id, which what is signed holds too
// (gpg 2.1.16 and later), and the hash's first octets.
[[nodiscard]] bool is_plain_signature(std::string_view signature, std::string_view bytes);

} // namespace miraclemax::openpgp
