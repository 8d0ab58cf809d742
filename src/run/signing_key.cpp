#include "run/signing_key.hpp"

#include "error.hpp"
#include "openpgp/encryption.hpp"
#include "stream/file.hpp"

#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>

namespace miraclemax::run {
namespace {

// One process at a time: whoever leaves the home ends its agent, also under another's signature.
class SigningHome {
public:
    explicit SigningHome(const Settings& settings)
        : lock_(locked(settings.state)), home_(settings.signing_home()) {}
    [[nodiscard]] const openpgp::Home& home() const { return home_; }

private:
    static stream::Descriptor locked(const std::filesystem::path& state) {
        std::error_code trouble;
        std::filesystem::create_directories(state, trouble);
        const auto path = state / "signing.lock";
        stream::Descriptor lock(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
        while (lock && ::flock(lock.get(), LOCK_EX) != 0)
            if (errno != EINTR)
                break;
        if (!lock)
            throw stream::write_error("create", path, errno);
        return lock;
    }

    stream::Descriptor lock_; // before home_, whose end it outlives
    openpgp::Home home_;
};

} // namespace

SigningKey signing_key(const Settings& settings) {
    const SigningHome signing(settings);
    const auto fingerprint = openpgp::ensure_signing_key(signing.home(), settings.instance);
    return {.fingerprint = fingerprint,
            .public_key = openpgp::export_keys(signing.home(), {fingerprint}),
            .armored = openpgp::armored_key(signing.home(), fingerprint)};
}

std::vector<SigningKey> own_signing_keys(const Settings& settings) {
    std::error_code trouble;
    if (!std::filesystem::exists(settings.signing_home(), trouble))
        return {};
    const SigningHome signing(settings);
    std::vector<SigningKey> keys;
    for (const auto& fingerprint : openpgp::signing_keys(signing.home()))
        keys.push_back({.fingerprint = fingerprint,
                        .public_key = openpgp::export_keys(signing.home(), {fingerprint}),
                        .armored = {}});
    return keys;
}

std::string sign(const Settings& settings, const std::string& fingerprint, const std::string& bytes) {
    const SigningHome signing(settings);
    return openpgp::sign(signing.home(), fingerprint, bytes);
}

} // namespace miraclemax::run
