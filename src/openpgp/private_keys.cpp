// Private keys into a throwaway home. Their passphrases are asked for when they are used, not here.
#include "openpgp/context.hpp"
#include "openpgp/decryption.hpp"

#include "stream/file.hpp"

#include <algorithm>
#include <string_view>

#include <unistd.h>

namespace miraclemax::openpgp {

namespace {

constexpr std::string_view begin_mark = "-----BEGIN PGP ";
constexpr std::string_view end_mark = "-----END PGP ";
constexpr const char* remedy = "make it by: gpg --export-secret-keys FINGERPRINT > backup.key";

// No card reader is asked for a key that is not there, and a passphrase is forgotten at once: of two that are
// tried one after the other, the second must not profit by the first.
void prepare_agent(const Home& home) {
    const std::filesystem::path conf = home.path() / "gpg-agent.conf";
    if (::access(conf.c_str(), F_OK) != 0) {
        stream::write_file(conf, "disable-scdaemon\n"
                                 "allow-loopback-pinentry\n"
                                 "default-cache-ttl 0\n"
                                 "max-cache-ttl 0\n");
    }
}

// gpg reads armored keys or binary ones, not the one after the other: each piece is imported by itself.
std::vector<std::string> pieces_of(const std::string& bytes) {
    std::vector<std::string> pieces;
    std::size_t at = 0;
    while (at < bytes.size()) {
        std::size_t end = bytes.find(begin_mark, at);
        if (end == at) {
            end = bytes.find(end_mark, at);
            end = end == std::string::npos ? bytes.size() : bytes.find('\n', end);
            end = end == std::string::npos ? bytes.size() : end + 1;
        } else if (end == std::string::npos) {
            end = bytes.size();
        }
        const std::size_t begin = bytes.find_first_not_of(" \t\r\n", at); // no key begins with one of these
        if (begin < end) {
            pieces.push_back(bytes.substr(begin, end - begin));
        }
        at = end;
    }
    return pieces;
}

std::vector<std::string> import_piece(const Context& context, const std::string& bytes) {
    const Data data(bytes);
    require(gpgme_op_import(context.get(), data.get()), "import the private key");
    std::vector<std::string> fingerprints;
    const gpgme_import_result_t result = gpgme_op_import_result(context.get());
    for (gpgme_import_status_t one = result->imports; one != nullptr; one = one->next) {
        require(one->result, std::string("import the key ") + one->fpr);
        fingerprints.emplace_back(one->fpr);
    }
    return fingerprints;
}

bool is_private(const Context& context, const std::string& fingerprint) {
    gpgme_key_t found = nullptr;
    const gpgme_error_t error = gpgme_get_key(context.get(), fingerprint.c_str(), &found, 1);
    const Key key(found);
    return gpgme_err_code(error) == GPG_ERR_NO_ERROR && key->secret != 0U;
}

} // namespace

std::vector<std::string> import_private_keys(const Home& home, const std::string& bytes) {
    prepare_agent(home);
    const Context context(home);
    std::vector<std::string> fingerprints;
    for (const std::string& piece : pieces_of(bytes)) {
        for (std::string& one : import_piece(context, piece)) {
            const bool known = std::find(fingerprints.begin(), fingerprints.end(), one) != fingerprints.end();
            if (!known && is_private(context, one)) {
                fingerprints.push_back(std::move(one));
            }
        }
    }
    if (fingerprints.empty()) {
        throw Error(ExitCode::key, "there is no private OpenPGP key in it", remedy);
    }
    return fingerprints;
}

} // namespace miraclemax::openpgp
