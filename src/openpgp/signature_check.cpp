// Whether a signature is good, and whether it is written as gpg writes one.
#include "openpgp/context.hpp"

#include <array>
#include <cstdint>
#include <memory>

#include <openssl/evp.h>

namespace miraclemax::openpgp {

namespace {

std::string text_of(const char* text) {
    return text == nullptr ? std::string() : std::string(text);
}

SignatureCheck bad(std::string why, std::string signer = {}) {
    return {.standing = Standing::bad, .signer = std::move(signer), .why = std::move(why)};
}

SignatureCheck judge(const Context& context, const _gpgme_signature& signature) {
    const std::string claimed = text_of(signature.fpr);
    switch (gpgme_err_code(signature.status)) {
    case GPG_ERR_NO_ERROR:
    case GPG_ERR_KEY_EXPIRED: {
        gpgme_key_t found = nullptr;
        require(gpgme_get_key(context.get(), signature.fpr, &found, 0), "find the signer's key");
        const Key key(found);
        return {.standing = Standing::good, .signer = text_of(found->fpr), .why = {}};
    }
    case GPG_ERR_NO_PUBKEY:
        return {.standing = Standing::unknown, .signer = claimed, .why = {}};
    case GPG_ERR_BAD_SIGNATURE:
        return bad("does not fit", claimed);
    case GPG_ERR_CERT_REVOKED:
        return bad("is of a key that was revoked", claimed);
    case GPG_ERR_SIG_EXPIRED:
        return bad("has expired", claimed);
    default:
        return bad("can't be checked", claimed);
    }
}

// The bytes of a packet, front to back. Once it has been asked for too much, ok() stays false.
class Packet {
public:
    explicit Packet(std::string_view bytes) : rest_(bytes) {}
    [[nodiscard]] bool ok() const { return ok_; }
    [[nodiscard]] bool at_end() const { return ok_ && rest_.empty(); }
    [[nodiscard]] std::size_t left() const { return rest_.size(); }
    std::size_t number(std::size_t octets) {
        std::size_t value = 0;
        for (const char c : take(octets)) {
            value = value << 8U | static_cast<unsigned char>(c);
        }
        return value;
    }
    std::string_view take(std::size_t octets) {
        ok_ = ok_ && octets <= rest_.size();
        if (!ok_) {
            return {};
        }
        const std::string_view taken = rest_.substr(0, octets);
        rest_.remove_prefix(octets);
        return taken;
    }

private:
    std::string_view rest_;
    bool ok_ = true;
};

// An old-format header of tag 2 with the shortest length that does.
bool header(Packet& packet) {
    const std::size_t tag = packet.number(1);
    if (tag != 0x88 && tag != 0x89) {
        return false;
    }
    const std::size_t length = packet.number(tag == 0x88 ? 1 : 2);
    return packet.ok() && length == packet.left() && (tag == 0x88 || length > 0xFF);
}

// The one subpacket that gpg leaves unsigned: the issuer's key id (type 16), which is part of the fingerprint
// that stands among what is signed.
bool issuer_or_nothing(std::string_view area, std::string_view signed_area) {
    return area.empty() || (area.size() == 10 && area[0] == 9 && area[1] == 16 &&
                            signed_area.find(area.substr(2)) != std::string_view::npos);
}

// A number of so many bits. gpg writes an EdDSA half that begins with a zero octet with all of its bits.
bool plain_number(Packet& packet) {
    const std::size_t bits = packet.number(2);
    const std::string_view octets = packet.take((bits + 7) / 8);
    if (!packet.ok() || octets.empty()) {
        return false;
    }
    const auto first = static_cast<unsigned char>(octets.front());
    std::size_t used = 0;
    while (used < 8 && (first >> used) != 0) {
        ++used;
    }
    return bits == (octets.size() - (used == 0 ? 0 : 1)) * 8 + used;
}

// RFC 4880, 9.4. Null: no hash that a signature made today has.
const char* hash_named(std::size_t number) {
    switch (number) {
    case 8:
        return "SHA256";
    case 9:
        return "SHA384";
    case 10:
        return "SHA512";
    case 11:
        return "SHA224";
    default:
        return nullptr;
    }
}

// The first two octets of what was signed, hashed as RFC 4880, 5.2.4 has it for version 4. gpg does not look
// at them.
std::string first_octets(std::string_view bytes, std::string_view head, const char* hash) {
    const auto size = static_cast<std::uint32_t>(head.size());
    std::string trailer("\x04\xff", 2);
    for (const unsigned shift : {24U, 16U, 8U, 0U}) {
        trailer += static_cast<char>(size >> shift & 0xFFU);
    }
    const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
    const std::unique_ptr<EVP_MD, decltype(&EVP_MD_free)> algorithm(EVP_MD_fetch(nullptr, hash, nullptr),
                                                                    EVP_MD_free);
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    bool good = context && algorithm && EVP_DigestInit_ex(context.get(), algorithm.get(), nullptr) == 1;
    for (const std::string_view part : {bytes, head, std::string_view(trailer)}) {
        good = good && EVP_DigestUpdate(context.get(), part.data(), part.size()) == 1;
    }
    if (!good || EVP_DigestFinal_ex(context.get(), digest.data(), nullptr) != 1) {
        throw Error(ExitCode::failed, std::string("OpenSSL can't compute ") + hash);
    }
    return {static_cast<char>(digest[0]), static_cast<char>(digest[1])};
}

} // namespace

bool is_plain_signature(std::string_view signature, std::string_view bytes) {
    Packet packet(signature);
    if (!header(packet)) {
        return false;
    }
    const std::string_view body = signature.substr(signature.size() - packet.left());
    const std::size_t version = packet.number(1);
    const bool of_bytes = packet.number(1) == 0;
    packet.take(1); // the algorithm
    const char* hash = hash_named(packet.number(1));
    const std::string_view signed_area = packet.take(packet.number(2));
    const std::string_view head = body.substr(0, body.size() - packet.left());
    const std::string_view unsigned_area = packet.take(packet.number(2));
    const std::string_view octets = packet.take(2);
    if (!packet.ok() || (version != 4 && version != 5) || !of_bytes || hash == nullptr ||
        !issuer_or_nothing(unsigned_area, signed_area)) {
        return false;
    }
    if (version == 4 && octets != first_octets(bytes, head, hash)) {
        return false;
    }
    do {
        if (!plain_number(packet)) {
            return false;
        }
    } while (!packet.at_end());
    return true;
}

SignatureCheck check_signature(const Home& home, const std::string& bytes, const std::string& signature) {
    const Context context(home);
    const Data signed_bytes(bytes);
    const Data signature_data(signature);
    const gpgme_error_t error =
        gpgme_op_verify(context.get(), signature_data.get(), signed_bytes.get(), nullptr);
    if (gpgme_err_code(error) == GPG_ERR_INV_ENGINE) {
        throw gpg_error_of(error, "verify a signature");
    }
    const gpgme_verify_result_t result = gpgme_op_verify_result(context.get());
    if (result == nullptr || result->signatures == nullptr) {
        return bad("is no signature");
    }
    SignatureCheck check = judge(context, *result->signatures);
    if (check.standing == Standing::good &&
        (gpgme_err_code(error) != GPG_ERR_NO_ERROR || result->signatures->next != nullptr)) {
        return bad("is more than one signature", check.signer);
    }
    if (check.standing != Standing::bad && !is_plain_signature(signature, bytes)) {
        return bad("was changed: it is not in the form that gpg writes", check.signer);
    }
    return check;
}

} // namespace miraclemax::openpgp
