// The host's signing key, and detached signatures by it.
#include "openpgp/context.hpp"

#include "stream/file.hpp"

#include <cerrno>

#include <fcntl.h>
#include <sys/file.h>

namespace miraclemax::openpgp {

namespace {

// A user id is one line, and <> would make part of it a mail address.
std::string user_id(const std::string& instance) {
    std::string id = "miraclemax ";
    for (const char c : instance) {
        const bool plain =
            static_cast<unsigned char>(c) >= ' ' && c != '<' && c != '>' && c != '(' && c != ')';
        id += plain ? c : '_';
    }
    return id;
}

bool can_sign(gpgme_key_t key) {
    return key->revoked == 0U && key->expired == 0U && key->disabled == 0U && key->invalid == 0U &&
           key->can_sign != 0U;
}

std::string find_signing_key(const Context& context, const std::string& id) {
    require(gpgme_op_keylist_start(context.get(), nullptr, 1), "list the signing keys");
    std::string fingerprint;
    for (;;) {
        gpgme_key_t found = nullptr;
        const gpgme_error_t error = gpgme_op_keylist_next(context.get(), &found);
        if (gpgme_err_code(error) == GPG_ERR_EOF) {
            return fingerprint;
        }
        require(error, "list the signing keys");
        const Key key(found);
        if (!can_sign(found)) {
            continue;
        }
        // The instance may have been renamed: a key there is, is used, but its own comes first.
        const bool own = found->uids != nullptr && id == found->uids->uid;
        if (fingerprint.empty() || own) {
            fingerprint = found->fpr;
        }
    }
}

// Held while a key is looked for and made, so that two processes don't make two.
stream::Descriptor lock_home(const Home& home) {
    const auto path = home.path() / "miraclemax.lock";
    stream::Descriptor file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    if (!file) {
        throw stream::write_error("open", path, errno);
    }
    while (::flock(file.get(), LOCK_EX) != 0) {
        if (errno != EINTR) {
            throw stream::write_error("lock", path, errno);
        }
    }
    return file;
}

} // namespace

std::string ensure_signing_key(const Home& home, const std::string& instance) {
    const stream::Descriptor lock = lock_home(home);
    const Context context(home);
    const std::string id = user_id(instance);
    std::string fingerprint = find_signing_key(context, id);
    if (!fingerprint.empty()) {
        return fingerprint;
    }
    const unsigned flags =
        GPGME_CREATE_SIGN | GPGME_CREATE_NOPASSWD | GPGME_CREATE_NOEXPIRE | GPGME_CREATE_FORCE;
    require(gpgme_op_createkey(context.get(), id.c_str(), "ed25519", 0, 0, nullptr, flags),
            "make a signing key");
    const gpgme_genkey_result_t result = gpgme_op_genkey_result(context.get());
    if (result == nullptr || result->fpr == nullptr) {
        throw Error(ExitCode::key, "gpg made a signing key but did not say which");
    }
    return result->fpr;
}

std::vector<std::string> signing_keys(const Home& home) {
    const Context context(home);
    require(gpgme_op_keylist_start(context.get(), nullptr, 1), "list the signing keys");
    std::vector<std::string> fingerprints;
    for (;;) {
        gpgme_key_t found = nullptr;
        const gpgme_error_t error = gpgme_op_keylist_next(context.get(), &found);
        if (gpgme_err_code(error) == GPG_ERR_EOF) {
            return fingerprints;
        }
        require(error, "list the signing keys");
        const Key key(found);
        if (can_sign(found)) {
            fingerprints.emplace_back(found->fpr);
        }
    }
}

std::string sign(const Home& home, const std::string& fingerprint, const std::string& bytes) {
    const Context context(home);
    gpgme_key_t found = nullptr;
    const gpgme_error_t error = gpgme_get_key(context.get(), fingerprint.c_str(), &found, 1);
    if (gpgme_err_code(error) == GPG_ERR_EOF) {
        throw Error(ExitCode::key, "the signing key " + fingerprint + " is not in " + home.path().string(),
                    "restore that folder, or let a new signing key be made and keep its fingerprint");
    }
    require(error, "find the signing key " + fingerprint);
    const Key key(found);
    require(gpgme_signers_add(context.get(), found), "sign");
    const Data plain(bytes);
    Data signature;
    require(gpgme_op_sign(context.get(), plain.get(), signature.get(), GPGME_SIG_MODE_DETACH),
            "sign with the key " + fingerprint);
    std::string made = signature.content();
    if (made.empty()) {
        throw Error(ExitCode::key, "gpg made no signature with the key " + fingerprint);
    }
    return made;
}

} // namespace miraclemax::openpgp
