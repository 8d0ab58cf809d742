// What opens encrypted archives: here for one restore or verification, never kept.
#pragma once

#include "catalog/manifest.hpp"
#include "run/settings.hpp"

#include <functional>

namespace miraclemax::run {

// How the user hands them over. Paths are as this process sees them.
struct KeyRequest {
    std::vector<std::filesystem::path> files; // private keys: files, folders of them; "-" is standard input
    std::filesystem::path passphrase_file;    // of the private key; empty: none, or asked
    std::function<std::string(const std::string& prompt)> ask; // on a terminal; empty function: nobody to ask
};

struct PrivateKeys {
    std::string keys; // as exported, one after the other
    std::string key_passphrase;
    std::string passphrase; // from the configuration: for archives that are encrypted to a passphrase
    std::vector<std::string> fingerprints{};                         // of the keys' primary keys
    [[nodiscard]] bool opens(const catalog::Archive& archive) const; // as far as can be told without trying
};

// Where no private key is given nor found, the passphrase in passphrase_file is taken for that of the
// archives. In a folder, files that hold no private key are passed over, as long as one does. Reads what is
// given, else what lies in the settings' private key folder (absent is fine: no keys). A key with a
// passphrase, and none given: asks. Throws Error (key) naming a file that can't be read or holds no private
// key.
PrivateKeys load_private_keys(const Settings& settings, const KeyRequest& request);

} // namespace miraclemax::run
