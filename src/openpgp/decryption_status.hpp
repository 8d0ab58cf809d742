// Within src/openpgp only: what gpg says while it decrypts (gpg's doc/DETAILS, "Format of the --status-fd
// output"), and what that means for the message.
#pragma once

#include "error.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <gpgme.h>

namespace miraclemax::openpgp {

// What was at hand to open the message with, and what gpg asked for of it.
struct Asked {
    bool key_passphrase_given = false;
    bool passphrase_given = false;
    bool for_key = false;     // a private key is here, and locked
    bool for_message = false; // the message was encrypted to a passphrase
    bool refused = false;     // there was nothing to answer, or it was wrong before
};

class DecryptionStatus {
public:
    // A status line. One thread.
    void take(std::string_view keyword, std::string_view arguments);

    // One message, decrypted whole, its integrity protected and checked.
    [[nodiscard]] bool good() const noexcept;
    // It is lost already: what follows need not be fed to gpg.
    [[nodiscard]] bool lost() const noexcept { return failed_; }
    // The last question was for the passphrase of a message, not of a key.
    [[nodiscard]] bool asks_for_message() const noexcept { return symmetric_; }
    // The passphrase given last was not the right one.
    [[nodiscard]] bool refused_one() const noexcept { return bad_passphrase_; }
    // Why it is not good: Error (key), (damaged), or (failed) when gpg itself ended early.
    [[nodiscard]] Error verdict(const Asked& asked) const;

private:
    [[nodiscard]] std::optional<Error> key_fault(const Asked& asked) const;
    [[nodiscard]] bool no_key_here() const;
    [[nodiscard]] std::string recipients() const;
    [[nodiscard]] std::string locked() const;

    std::vector<std::string> to_;      // key ids
    std::vector<std::string> missing_; // of those, whose private key is not here
    std::string locked_;               // id of the private key whose passphrase was asked for
    bool symmetric_ = false;
    bool bad_passphrase_ = false;
    bool informed_ = false; // the session key is known
    bool aead_ = false;
    bool ended_ = false;
    bool failed_ = false;
    bool odd_ = false; // something that no good message makes gpg say
    int okay_ = 0;
    int checked_ = 0;
    int plaintexts_ = 0;
    gpg_err_code_t key_error_ = GPG_ERR_NO_ERROR;
};

} // namespace miraclemax::openpgp
