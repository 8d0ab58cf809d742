// Public keys: import, export, and what is wrong with them.
#include "openpgp/context.hpp"

#include "stream/file.hpp"

#include <algorithm>

namespace miraclemax::openpgp {

namespace {

using Time = std::chrono::system_clock::time_point;

constexpr std::size_t largest_key_file = std::size_t{16} * 1024 * 1024;

// Looks into the bytes without importing them: a private key must not even reach the throwaway home.
void refuse_private_keys(const Home& home, const std::string& bytes) {
    const Context context(home);
    const Data data(bytes);
    bool any = false;
    bool secret = bytes.find("-----BEGIN PGP PRIVATE KEY BLOCK-----") != std::string::npos;
    gpgme_error_t error = gpgme_op_keylist_from_data_start(context.get(), data.get(), 0);
    while (gpgme_err_code(error) == GPG_ERR_NO_ERROR) {
        gpgme_key_t found = nullptr;
        error = gpgme_op_keylist_next(context.get(), &found);
        if (gpgme_err_code(error) == GPG_ERR_NO_ERROR) {
            const Key key(found);
            any = true;
            secret = secret || key->secret != 0U;
        }
    }
    if (gpgme_err_code(error) != GPG_ERR_EOF) {
        throw gpg_error_of(error, "look into the key");
    }
    if (secret) {
        throw Error(ExitCode::key, "it holds a private key, with which a backup host has no business",
                    "give the public key alone: gpg --export --armor FINGERPRINT > backup.pub.asc");
    }
    if (!any) {
        throw Error(ExitCode::key, "it holds no OpenPGP key", "make it by: gpg --export --armor FINGERPRINT");
    }
}

Fault fault_of(gpgme_key_t key, bool usable, bool expired, bool revoked) {
    if (key->revoked != 0U) {
        return Fault::revoked;
    }
    if (key->expired != 0U) {
        return Fault::expired;
    }
    if (key->disabled != 0U) {
        return Fault::disabled;
    }
    if (usable) {
        return Fault::none;
    }
    return expired ? Fault::expired : revoked ? Fault::revoked : Fault::cannot_encrypt;
}

void examine(gpgme_key_t key, KeyState& state) {
    gpgme_subkey_t best = nullptr; // the newest that works, as gpg chooses; else the newest of all
    bool usable = false;
    bool expired = false;
    bool revoked = false;
    for (gpgme_subkey_t sub = key->subkeys; sub != nullptr; sub = sub->next) {
        if (sub->can_encrypt == 0U) {
            continue;
        }
        const bool works =
            sub->revoked == 0U && sub->expired == 0U && sub->disabled == 0U && sub->invalid == 0U;
        expired = expired || sub->expired != 0U;
        revoked = revoked || sub->revoked != 0U;
        if (best == nullptr || works > usable || (works == usable && sub->timestamp > best->timestamp)) {
            best = sub;
        }
        usable = usable || works;
    }
    state.fingerprint = key->fpr != nullptr ? key->fpr : key->subkeys->fpr;
    state.owner = key->uids != nullptr && key->uids->uid != nullptr ? key->uids->uid : "";
    state.fault = fault_of(key, usable && key->invalid == 0U, expired, revoked);
    for (gpgme_subkey_t sub : {key->subkeys, best}) {
        if (sub != nullptr && sub->expires > 0) {
            const Time end = std::chrono::system_clock::from_time_t(sub->expires);
            state.expires = state.expires ? std::min(*state.expires, end) : end;
        }
    }
}

} // namespace

const char* sentence(Fault fault) {
    switch (fault) {
    case Fault::none:
        return "is usable";
    case Fault::missing:
        return "is not among the imported keys";
    case Fault::expired:
        return "has expired";
    case Fault::revoked:
        return "was revoked";
    case Fault::disabled:
        return "is disabled";
    case Fault::cannot_encrypt:
        return "has no usable encryption subkey";
    case Fault::ambiguous:
        return "is not a full fingerprint (40 or 64 hex digits)";
    }
    return "is unusable";
}

std::vector<std::string> import_keys(const Home& home, const std::string& bytes) {
    refuse_private_keys(home, bytes);
    const Context context(home);
    const Data data(bytes);
    require(gpgme_op_import(context.get(), data.get()), "import the key");
    const gpgme_import_result_t result = gpgme_op_import_result(context.get());
    std::vector<std::string> fingerprints;
    for (gpgme_import_status_t one = result->imports; one != nullptr; one = one->next) {
        require(one->result, std::string("import the key ") + one->fpr);
        if (std::find(fingerprints.begin(), fingerprints.end(), one->fpr) == fingerprints.end()) {
            fingerprints.emplace_back(one->fpr);
        }
    }
    if (fingerprints.empty()) {
        throw Error(ExitCode::key, "gpg found no key to import",
                    "make it by: gpg --export --armor FINGERPRINT");
    }
    return fingerprints;
}

std::vector<std::string> import_keys(const Home& home, const std::vector<std::filesystem::path>& files) {
    std::vector<std::string> fingerprints;
    for (const auto& file : files) {
        try {
            for (std::string& found : import_keys(home, stream::read_file(file, largest_key_file))) {
                if (std::find(fingerprints.begin(), fingerprints.end(), found) == fingerprints.end()) {
                    fingerprints.push_back(std::move(found));
                }
            }
        } catch (const Error& error) {
            throw Error(ExitCode::key, "key file " + file.string() + ": " + error.what(), error.remedy());
        }
    }
    return fingerprints;
}

std::string export_keys(const Home& home, const std::vector<std::string>& fingerprints) {
    const Context context(home);
    std::string keyring;
    for (const std::string& fingerprint : fingerprints) {
        Data data;
        require(gpgme_op_export(context.get(), fingerprint.c_str(), GPGME_EXPORT_MODE_MINIMAL, data.get()),
                "export the key " + fingerprint);
        const std::string key = data.content();
        if (key.empty()) {
            throw Error(ExitCode::key, "the key " + fingerprint + " " + sentence(Fault::missing));
        }
        keyring += key;
    }
    return keyring;
}

std::string armored_key(const Home& home, const std::string& fingerprint) {
    const Context context(home);
    gpgme_set_armor(context.get(), 1);
    Data data;
    require(gpgme_op_export(context.get(), fingerprint.c_str(), GPGME_EXPORT_MODE_MINIMAL, data.get()),
            "export the key " + fingerprint);
    std::string key = data.content();
    if (key.empty()) {
        throw Error(ExitCode::key, "the key " + fingerprint + " " + sentence(Fault::missing));
    }
    return key;
}

std::vector<KeyState> inspect_keys(const Home& home, const std::vector<std::string>& wanted) {
    const Context context(home);
    std::vector<KeyState> states;
    for (const std::string& one : wanted) {
        KeyState state;
        state.wanted = one;
        const std::string fingerprint = full_fingerprint(one);
        gpgme_key_t found = nullptr;
        const gpgme_error_t error = fingerprint.empty()
                                        ? gpgme_error(GPG_ERR_AMBIGUOUS_NAME)
                                        : gpgme_get_key(context.get(), fingerprint.c_str(), &found, 0);
        const Key key(found);
        switch (gpgme_err_code(error)) {
        case GPG_ERR_NO_ERROR:
            examine(key.get(), state);
            break;
        case GPG_ERR_EOF:
        case GPG_ERR_NO_PUBKEY:
            state.fault = Fault::missing;
            break;
        case GPG_ERR_AMBIGUOUS_NAME:
            state.fault = Fault::ambiguous;
            break;
        default:
            throw gpg_error_of(error, "look up the key " + one);
        }
        states.push_back(std::move(state));
    }
    return states;
}

} // namespace miraclemax::openpgp
