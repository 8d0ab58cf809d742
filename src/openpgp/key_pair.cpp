#include "openpgp/key_pair.hpp"

#include "openpgp/context.hpp"
#include "openpgp/decryption.hpp"

#include "stream/digest.hpp"

#include <algorithm>
#include <cstring>

#include <unistd.h>

namespace miraclemax::openpgp {

namespace {

// Called by C: no exception may pass.
gpgme_error_t give_passphrase(void* hook, const char*, const char*, int previous_was_bad, int fd) {
    const auto& passphrase = *static_cast<const std::string*>(hook);
    if (previous_was_bad != 0)
        return gpgme_error(GPG_ERR_BAD_PASSPHRASE);
    const bool given =
        gpgme_io_writen(fd, passphrase.data(), passphrase.size()) == 0 && gpgme_io_writen(fd, "\n", 1) == 0;
    return given ? gpgme_error(GPG_ERR_NO_ERROR) : gpgme_error(GPG_ERR_CANCELED);
}

class Forge {
public:
    Forge(const Home& home, const std::string& passphrase) : passphrase_(passphrase), context_(home) {
        if (passphrase.find_first_of(std::string_view("\n\0", 2)) != std::string::npos)
            throw Error(ExitCode::key, "the passphrase has a line break or NUL in it",
                        "use one line of text");
        gpgme_set_armor(context_.get(), 1);
        gpgme_set_pinentry_mode(context_.get(), GPGME_PINENTRY_MODE_LOOPBACK);
        gpgme_set_passphrase_cb(context_.get(), give_passphrase, const_cast<std::string*>(&passphrase_));
    }

    KeyPair make(const std::string& owner, unsigned bits) {
        const std::string kind = "rsa" + std::to_string(bits);
        const unsigned always = GPGME_CREATE_NOEXPIRE | (passphrase_.empty() ? GPGME_CREATE_NOPASSWD : 0U);
        require(gpgme_op_createkey(context_.get(), owner.c_str(), kind.c_str(), 0, 0, nullptr,
                                   always | GPGME_CREATE_SIGN | GPGME_CREATE_CERT | GPGME_CREATE_FORCE),
                "make a key pair");
        const gpgme_genkey_result_t result = gpgme_op_genkey_result(context_.get());
        if (result == nullptr || result->fpr == nullptr)
            throw Error(ExitCode::key, "gpg made a key pair but did not say which");
        const std::string fingerprint = result->fpr;
        gpgme_key_t found = nullptr;
        require(gpgme_get_key(context_.get(), fingerprint.c_str(), &found, 1), "find the key that was made");
        const Key key(found);
        require(gpgme_op_createsubkey(context_.get(), found, kind.c_str(), 0, 0, always | GPGME_CREATE_ENCR),
                "make the subkey that encrypts");
        return {.fingerprint = fingerprint,
                .public_key = exported(fingerprint, 0),
                .private_key = exported(fingerprint, GPGME_EXPORT_MODE_SECRET)};
    }

private:
    std::string exported(const std::string& fingerprint, gpgme_export_mode_t mode) {
        Data data;
        require(gpgme_op_export(context_.get(), fingerprint.c_str(), mode, data.get()),
                "export the key " + fingerprint);
        auto key = data.content();
        if (key.empty())
            throw Error(ExitCode::key, "gpg exported nothing of the key " + fingerprint);
        return key;
    }

    const std::string& passphrase_;
    Context context_;
};

class StringSource : public stream::Source {
public:
    explicit StringSource(const std::string& text) : text_(text) {}
    std::size_t read(std::span<std::byte> into) override {
        const auto count = std::min(into.size(), text_.size() - at_);
        std::memcpy(into.data(), text_.data() + at_, count);
        at_ += count;
        return count;
    }

private:
    const std::string& text_;
    std::size_t at_ = 0;
};

std::string encrypted(const std::string& plain, const std::string& public_key) {
    const Home home;
    const auto fingerprints = import_keys(home, public_key);
    stream::StringSink cipher;
    const auto sink = encrypt_to(cipher, home, {.fingerprints = fingerprints, .passphrase = {}});
    sink->write(std::as_bytes(std::span(plain.data(), plain.size())));
    sink->finish();
    return cipher.content();
}

} // namespace

KeyPair make_key_pair(const std::string& owner, const std::string& passphrase, unsigned bits) {
    const Home home;
    return Forge(home, passphrase).make(owner, bits);
}

void prove_key_pair(const std::string& public_key, const std::string& private_key,
                    const std::string& passphrase) {
    const std::string probe = "miraclemax can open what it will write\n";
    const auto cipher = encrypted(probe, public_key);
    const Home home; // another one: nothing of the key's making is in it
    import_private_keys(home, private_key);
    StringSource from(cipher);
    stream::StringSink plain;
    decrypt(from, plain, home, {.key_passphrase = passphrase, .passphrase = {}});
    if (plain.content() != probe)
        throw Error(ExitCode::key, "the private key opens a probe, but to something else");
}

} // namespace miraclemax::openpgp
