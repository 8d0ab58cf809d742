// Whose signatures are believed here, and what one is worth.
#pragma once

#include "run/examination.hpp"
#include "run/signing_key.hpp"

namespace miraclemax::run {

// This host's own keys are read once, for any number of backups. One thread.
class Witness {
public:
    // Throws Error (usage) naming a signer that is no full fingerprint, (key) when the own keys can't be
    // read.
    Witness(const Settings& settings, const Trust& trust);

    // Adds signature, signer and what is wrong with them. `json` is manifest.json as it lies there,
    // `signature` manifest.json.sig (nullopt: there is none). Uses examination.manifest, if it could be read.
    void judge(Examination& examination, const std::string& json,
               const std::optional<std::string>& signature) const;

private:
    [[nodiscard]] bool believes(const std::string& fingerprint) const;
    void judge_unsigned(Examination& examination) const;
    void judge_good(Examination& examination) const;

    std::vector<std::string> believed_;
    std::string own_keys_; // public, binary
    bool unsigned_is_fine_;
};

} // namespace miraclemax::run
