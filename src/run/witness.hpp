// Whose signatures are believed here, and what one is worth.
#pragma once

#include "run/examination.hpp"
#include "run/signing_key.hpp"

namespace miraclemax::run {

// A signed text, and what it says of its signer.
struct Signed {
    std::string noun, file;   // for messages: "manifest", "manifest.json"; its signature is <file>.sig
    const std::string& bytes; // as they lie there; borrowed
    const std::optional<std::string>& signature; // nullopt: there is none; borrowed
    std::optional<std::string> signer{};         // nullopt: can't be read; empty: says that it is unsigned
    std::string signer_key{};                    // may be empty
};

struct Testimony {
    Signature signature = Signature::unsigned_;
    std::string signer;      // fingerprint that the signature claims, or empty
    std::string where, what; // what is wrong; empty: nothing
};

// This host's own keys are read once, for any number of backups. One thread.
class Witness {
public:
    // Throws Error (usage) naming a signer that is no full fingerprint, (key) when the own keys can't be
    // read.
    Witness(const Settings& settings, const Trust& trust);

    [[nodiscard]] Testimony hear(const Signed& text) const;
    // Adds signature, signer and what is wrong with them. `json` is manifest.json as it lies there,
    // `signature` manifest.json.sig (nullopt: there is none). Uses examination.manifest, if it could be read.
    void judge(Examination& examination, const std::string& json,
               const std::optional<std::string>& signature) const;

private:
    [[nodiscard]] bool believes(const std::string& fingerprint) const;
    [[nodiscard]] Testimony hear_unsigned(const Signed& text) const;
    [[nodiscard]] Testimony hear_good(const Signed& text, const std::string& signer) const;

    std::vector<std::string> believed_;
    std::string own_keys_; // public, binary
    bool unsigned_is_fine_;
};

} // namespace miraclemax::run
