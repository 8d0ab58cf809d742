// Encryption of a stream: a gpg between two pipes, whose end is read by a thread of its own.
#include "openpgp/context.hpp"
#include "openpgp/gpg_process.hpp"
#include "openpgp/message_frame.hpp"
#include "openpgp/passphrase_home.hpp"

#include "stream/fault_point.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <system_error>
#include <thread>

namespace miraclemax::openpgp {

namespace {

std::vector<std::string> words_for(const Recipients& recipients) {
    // Not compressed: what comes is, or is not meant to be.
    std::vector<std::string> words{"--trust-model", "always", "--no-encrypt-to", "--compress-algo", "none"};
    if (recipients.ocb) {
        if (!makes_ocb()) {
            throw Error(ExitCode::config,
                        "encryption.aead needs gpg 2.4 or later, and this is " + find_gpg().version,
                        "turn it off, or use an image with a newer gpg");
        }
        words.emplace_back("--force-ocb");
    }
    if (!recipients.passphrase.empty()) {
        words.emplace_back("--symmetric");
        return words;
    }
    for (const std::string& fingerprint : recipients.fingerprints) {
        words.insert(words.end(), {"--recipient", full_fingerprint(fingerprint)});
    }
    words.emplace_back("--encrypt");
    return words;
}

class EncryptingSink : public stream::Sink {
public:
    EncryptingSink(stream::Sink& next, const Home& home, const Recipients& recipients)
        : next_(next), symmetric_(recipients.passphrase.empty()
                                      ? nullptr
                                      : std::make_unique<PassphraseHome>(home, recipients.passphrase)),
          gpg_(symmetric_ ? symmetric_->home() : home, words_for(recipients)) {
        try {
            thread_ = std::thread([this] { follow(); });
        } catch (const std::system_error& error) {
            throw Error(ExitCode::failed, std::string("can't start a thread to encrypt: ") + error.what());
        }
    }

    ~EncryptingSink() override {
        if (thread_.joinable()) {
            gpg_.kill();
            thread_.join();
        }
    }

    void write(stream::Bytes bytes) override {
        if (!gpg_.write(bytes)) {
            end_thread();
            throw Error(ExitCode::key, "gpg ended before the data did");
        }
    }

    void finish() override {
        MIRACLEMAX_FAULT_POINT("openpgp.finish");
        gpg_.close_input();
        end_thread();
        next_.finish();
    }

private:
    void end_thread() {
        thread_.join();
        const bool well = gpg_.wait();
        if (failure_) {
            std::rethrow_exception(failure_); // of the next sink, and the cause of whatever gpg says
        }
        if (!refusal_.empty()) {
            throw Error(ExitCode::key, refusal_);
        }
        if (!well || !ended_ || !frame_.complete()) {
            throw Error(ExitCode::key, "gpg ended in the middle of encrypting",
                        "it may have been killed for want of memory: see the kernel log");
        }
    }

    // The thread. Nothing leaves it but failure_, which the join publishes.
    void follow() noexcept {
        try {
            gpg_.follow({.output =
                             [this](stream::Bytes bytes) {
                                 frame_.follow(bytes);
                                 next_.write(bytes);
                             },
                         .status = [this](std::string_view keyword,
                                          std::string_view arguments) { take(keyword, arguments); }});
        } catch (...) {
            failure_ = std::current_exception();
            gpg_.kill();
        }
    }

    // doc/DETAILS: INV_RECP <reason> <recipient>, FAILURE <where> <error>.
    void take(std::string_view keyword, std::string_view arguments) {
        if (keyword == "END_ENCRYPTION") {
            ended_ = true;
        } else if (keyword == "INV_RECP" && refusal_.empty()) {
            refusal_ = "gpg refuses to encrypt to the key " +
                       std::string(arguments.substr(std::min(arguments.find(' ') + 1, arguments.size())));
        } else if (keyword == "FAILURE" && refusal_.empty()) {
            const auto at = arguments.rfind(' ') + 1;
            const auto code = std::strtoul(std::string(arguments.substr(at)).c_str(), nullptr, 10);
            refusal_ = gpg_error_of(static_cast<gpgme_error_t>(code), "encrypt").what();
        }
    }

    stream::Sink& next_;
    std::unique_ptr<PassphraseHome> symmetric_; // before gpg_, which uses its home
    GpgProcess gpg_;
    MessageFrame frame_; // the thread's, as are the next three until it was joined
    bool ended_ = false;
    std::string refusal_;
    std::exception_ptr failure_;
    std::thread thread_;
};

} // namespace

void check_recipients(const Home& home, const Recipients& recipients) {
    if (recipients.passphrase.empty() && recipients.fingerprints.empty()) {
        throw Error(ExitCode::key, "there is neither a recipient nor a passphrase to encrypt to");
    }
    for (const KeyState& state : inspect_keys(home, recipients.fingerprints)) {
        if (state.fault != Fault::none) {
            throw Error(ExitCode::key, "the key " + state.wanted + " " + sentence(state.fault),
                        "give a public key that can encrypt, or name another recipient");
        }
    }
}

bool makes_ocb() {
    unsigned major = 0;
    unsigned minor = 0;
    return std::sscanf(find_gpg().version.c_str(), "%u.%u", &major, &minor) == 2 &&
           (major > 2 || (major == 2 && minor >= 4));
}

std::unique_ptr<stream::Sink> encrypt_to(stream::Sink& next, const Home& home, const Recipients& recipients) {
    return std::make_unique<EncryptingSink>(next, home, recipients);
}

} // namespace miraclemax::openpgp
