#include "openpgp/context.hpp"

#include <array>
#include <mutex>

namespace miraclemax::openpgp {

void start_gpgme() {
    static std::once_flag once;
    std::call_once(once, [] {
        if (gpgme_check_version("1.18.0") == nullptr) {
            throw Error(ExitCode::key, "GPGME 1.18 or newer is needed", "install libgpgme11");
        }
    });
}

Error gpg_error_of(gpgme_error_t error, std::string_view action) {
    std::array<char, 256> reason{};
    gpgme_strerror_r(error, reason.data(), reason.size());
    std::string remedy;
    if (gpgme_err_code(error) == GPG_ERR_INV_ENGINE) {
        remedy = "install gnupg (gpg and gpgconf must be in the PATH)";
    } else if (gpgme_err_code(error) == GPG_ERR_NO_AGENT) {
        remedy = "install gpg-agent, and keep the path of the key's folder short";
    }
    return {ExitCode::key, "can't " + std::string(action) + ": " + reason.data(), remedy};
}

void require(gpgme_error_t error, std::string_view action) {
    if (gpgme_err_code(error) != GPG_ERR_NO_ERROR) {
        throw gpg_error_of(error, action);
    }
}

Context::Context(const Home& home) {
    start_gpgme();
    require(gpgme_new(&context_), "begin with GPGME");
    try {
        require(gpgme_ctx_set_engine_info(context_, GPGME_PROTOCOL_OpenPGP, nullptr, home.path().c_str()),
                "use gpg");
    } catch (...) {
        gpgme_release(context_);
        throw;
    }
    gpgme_set_offline(context_, 1);
    gpgme_set_armor(context_, 0);
    gpgme_set_textmode(context_, 0);
    gpgme_set_pinentry_mode(context_, GPGME_PINENTRY_MODE_ERROR);
}

Data::Data() {
    require(gpgme_data_new(&data_), "make a GPGME buffer");
}

Data::Data(const std::string& borrowed) {
    require(gpgme_data_new_from_mem(&data_, borrowed.data(), borrowed.size(), 0), "make a GPGME buffer");
}

std::string Data::content() {
    std::string all;
    gpgme_data_seek(data_, 0, SEEK_SET);
    std::array<char, 8192> buffer{};
    for (;;) {
        const ssize_t count = gpgme_data_read(data_, buffer.data(), buffer.size());
        if (count <= 0) {
            return all;
        }
        all.append(buffer.data(), static_cast<std::size_t>(count));
    }
}

std::string full_fingerprint(std::string_view wanted) {
    if (wanted.starts_with("0x") || wanted.starts_with("0X")) {
        wanted.remove_prefix(2);
    }
    std::string digits;
    for (const char c : wanted) {
        if (c >= 'a' && c <= 'f') {
            digits += static_cast<char>(c - 'a' + 'A');
        } else if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'F')) {
            digits += c;
        } else if (c != ' ' && c != '\t') {
            return {};
        }
    }
    return digits.size() == 40 || digits.size() == 64 ? digits : std::string();
}

} // namespace miraclemax::openpgp
