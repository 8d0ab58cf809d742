#include "openpgp/decryption_status.hpp"

#include "openpgp/context.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>

namespace miraclemax::openpgp {

namespace {

std::string word(std::string_view text, std::size_t number) {
    for (; number > 0; --number) {
        const auto end = text.find(' ');
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    }
    return std::string(text.substr(0, text.find(' ')));
}

constexpr std::array<std::string_view, 5> oddities{"NODATA", "UNEXPECTED", "BADMDC", "BADARMOR", "TRUNCATED"};

} // namespace

void DecryptionStatus::take(std::string_view keyword, std::string_view arguments) {
    if (keyword == "ENC_TO") {
        to_.push_back(word(arguments, 0));
    } else if (keyword == "NO_SECKEY") {
        missing_.push_back(word(arguments, 0));
    } else if (keyword == "NEED_PASSPHRASE") {
        locked_ = word(arguments, 1);
        symmetric_ = false;
    } else if (keyword == "NEED_PASSPHRASE_SYM") {
        symmetric_ = true;
    } else if (keyword == "BAD_PASSPHRASE" || keyword == "MISSING_PASSPHRASE") {
        bad_passphrase_ = true;
    } else if (keyword == "GOOD_PASSPHRASE") {
        bad_passphrase_ = false;
    } else if (keyword == "DECRYPTION_INFO") { // <mdc method> <cipher> [<aead method>]
        informed_ = true;
        const std::string method = word(arguments, 2);
        aead_ = !method.empty() && method != "0";
    } else if (keyword == "PLAINTEXT") {
        ++plaintexts_;
    } else if (keyword == "DECRYPTION_OKAY") {
        ++okay_;
    } else if (keyword == "GOODMDC") {
        ++checked_;
    } else if (keyword == "DECRYPTION_FAILED") {
        failed_ = true;
    } else if (keyword == "END_DECRYPTION") {
        ended_ = true;
    } else if (keyword == "ERROR" && word(arguments, 0).starts_with("pkdecrypt")) {
        key_error_ =
            gpgme_err_code(static_cast<gpgme_error_t>(std::strtoul(word(arguments, 1).c_str(), nullptr, 10)));
    } else if (keyword == "ERROR" && word(arguments, 0).starts_with("proc_pkt")) {
        odd_ = true; // gpg keeps the first of several plaintexts, says so, and calls it a success
    } else if (std::find(oddities.begin(), oddities.end(), keyword) != oddities.end()) {
        odd_ = true;
    }
}

bool DecryptionStatus::good() const noexcept {
    // gpg 2.2 says GOODMDC of an AEAD message too, later ones don't always.
    const bool checked = checked_ == 1 || (aead_ && checked_ == 0);
    return okay_ == 1 && checked && plaintexts_ == 1 && ended_ && !failed_ && !odd_;
}

// gpg 2.4 says NO_SECKEY of a key that is here, too, where it could not open a changed message.
bool DecryptionStatus::no_key_here() const {
    const bool none = key_error_ == GPG_ERR_NO_ERROR || key_error_ == GPG_ERR_NO_SECKEY;
    return none && !to_.empty() && std::all_of(to_.begin(), to_.end(), [this](const std::string& one) {
               return std::find(missing_.begin(), missing_.end(), one) != missing_.end();
           });
}

std::string DecryptionStatus::locked() const {
    return locked_.empty() ? "" : " " + locked_;
}

std::string DecryptionStatus::recipients() const {
    std::string all;
    for (const std::string& one : to_) {
        all += (all.empty() ? "" : ", ") + one;
    }
    return all;
}

std::optional<Error> DecryptionStatus::key_fault(const Asked& asked) const {
    if (informed_ && plaintexts_ > 0) {
        return std::nullopt; // it was opened
    }
    const bool wrong = bad_passphrase_ || key_error_ == GPG_ERR_BAD_PASSPHRASE;
    if (asked.for_key && !asked.key_passphrase_given) {
        return Error(ExitCode::key, "the private key" + locked() + " has a passphrase, and none was given",
                     "give it by a file (--passphrase-file), or on a terminal");
    }
    if (asked.for_key && (wrong || asked.refused)) {
        return Error(ExitCode::key, "the passphrase given does not open the private key" + locked(),
                     "give the passphrase that this key was exported with");
    }
    if (asked.for_message && !asked.passphrase_given) {
        const std::string also = to_.empty() ? "" : ", and to the keys " + recipients();
        return Error(ExitCode::key, "it was encrypted to a passphrase, and none was given" + also,
                     "configure the passphrase that was configured when it was made");
    }
    // A changed byte in the message's first 40 or so looks the same. An AEAD message that a wrong passphrase
    // was tried on is to gpg 2.2 one of nothing.
    const bool nothing = ended_ && plaintexts_ == 0;
    if (asked.for_message && (wrong || asked.refused || failed_ || nothing)) {
        return Error(ExitCode::key, "the passphrase given does not open it",
                     "configure the passphrase that was configured when it was made");
    }
    if (no_key_here()) {
        return Error(ExitCode::key, "no private key given opens it: it was encrypted to " + recipients(),
                     "give the private key of one of these: gpg --list-keys ID shows whose it is");
    }
    switch (key_error_) {
    case GPG_ERR_NO_AGENT:
    case GPG_ERR_ENOMEM:
    case GPG_ERR_ENOSPC:
        return gpg_error_of(gpgme_error(key_error_), "ask gpg's agent for the private key");
    default:
        return std::nullopt;
    }
}

Error DecryptionStatus::verdict(const Asked& asked) const {
    if (auto fault = key_fault(asked)) {
        return *fault;
    }
    const bool refused = failed_ || odd_ || (okay_ > 0 && ended_);
    if (!refused) {
        return {ExitCode::failed, "gpg ended in the middle of decrypting",
                "it may have been killed for want of memory (see the kernel log), or choked on a damaged "
                "message"};
    }
    return {ExitCode::damaged, okay_ > 0 ? "it is not one whole message"
                                         : "it was changed, or is not protected against changes"};
}

} // namespace miraclemax::openpgp
