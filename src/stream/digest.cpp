#include "stream/digest.hpp"

#include "error.hpp"
#include "stream/file.hpp"

#include <array>
#include <vector>

#include <openssl/evp.h>

namespace miraclemax::stream {

namespace {

void require(int ok) {
    if (ok != 1) {
        throw Error(ExitCode::failed, "OpenSSL can't compute SHA-256");
    }
}

// Looked up once: OpenSSL 3 searches its providers anew for each digest that is begun with EVP_sha256().
const EVP_MD* algorithm() {
    static const std::unique_ptr<EVP_MD, decltype(&EVP_MD_free)> found(
        EVP_MD_fetch(nullptr, "SHA256", nullptr), EVP_MD_free);
    require(found ? 1 : 0);
    return found.get();
}

} // namespace

struct Sha256::State {
    State() : context(EVP_MD_CTX_new(), EVP_MD_CTX_free) {
        require(context ? 1 : 0);
        begin();
    }
    void begin() { require(EVP_DigestInit_ex(context.get(), algorithm(), nullptr)); }
    std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context;
};

Sha256::Sha256() : state_(std::make_unique<State>()) {}
Sha256::~Sha256() = default;
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;

void Sha256::update(Bytes bytes) {
    require(EVP_DigestUpdate(state_->context.get(), bytes.data(), bytes.size()));
}

std::string Sha256::hex() {
    std::array<unsigned char, 32> raw{};
    require(EVP_DigestFinal_ex(state_->context.get(), raw.data(), nullptr));
    state_->begin();
    constexpr std::string_view digits = "0123456789abcdef";
    std::string text;
    text.reserve(2 * raw.size());
    for (const unsigned char byte : raw) {
        text += digits[byte >> 4U];
        text += digits[byte & 15U];
    }
    return text;
}

std::string sha256_of(std::string_view bytes) {
    Sha256 sha256;
    sha256.update(std::as_bytes(std::span(bytes.data(), bytes.size())));
    return sha256.hex();
}

Digest digest_of_file(const std::filesystem::path& path) {
    FileSource source(path);
    Sha256 sha256;
    Digest digest;
    std::vector<std::byte> buffer(std::size_t{256} * 1024);
    while (const std::size_t count = source.read(buffer)) {
        sha256.update(std::span(buffer).first(count));
        digest.size += count;
    }
    digest.sha256 = sha256.hex();
    return digest;
}

} // namespace miraclemax::stream
