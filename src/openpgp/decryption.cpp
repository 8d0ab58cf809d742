// Decryption of a stream: GPGME in the calling thread.
#include "openpgp/decryption.hpp"

#include "openpgp/context.hpp"
#include "openpgp/dead_pipes.hpp"
#include "openpgp/decryption_status.hpp"
#include "openpgp/message_frame.hpp"

#include "stream/fault_point.hpp"

#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <string_view>
#include <system_error>
#include <thread>

namespace miraclemax::openpgp {

namespace {

// GPGME waits for ever for a gpg that died while its input pipe was full: somebody else must look.
class Watch {
public:
    Watch() {
        try {
            thread_ = std::jthread([this](const std::stop_token& stop) {
                std::unique_lock lock(mutex_);
                while (!never_.wait_for(lock, stop, std::chrono::milliseconds(500),
                                        [&stop] { return stop.stop_requested(); })) {
                    empty_dead_pipes();
                }
            });
        } catch (const std::system_error& error) {
            throw Error(ExitCode::failed, std::string("can't start a thread to decrypt: ") + error.what());
        }
    }

private:
    std::mutex mutex_;
    std::condition_variable_any never_;
    std::jthread thread_; // the last: it ends first
};

// gpg-agent 2.2 rewrites an imported key's file when it is first used, and reads it meanwhile for others:
// half a key, and a good message looks changed. So this process has one message's session key opened at a
// time.
std::mutex& turn() {
    static std::mutex one;
    return one;
}

void must_be_a_line(const std::string& passphrase) {
    if (passphrase.find_first_of(std::string_view("\n\0", 2)) != std::string::npos) {
        throw Error(ExitCode::key, "the passphrase has a line break or NUL in it", "use one line of text");
    }
}

class Decryption {
public:
    Decryption(stream::Source& from, stream::Sink& to, const Home& home, const Unlocking& unlocking)
        : from_(from), to_(to), unlocking_(unlocking), context_(home) {
        must_be_a_line(unlocking.key_passphrase);
        must_be_a_line(unlocking.passphrase);
        asked_.key_passphrase_given = !unlocking.key_passphrase.empty();
        asked_.passphrase_given = !unlocking.passphrase.empty();
        gpgme_set_pinentry_mode(context_.get(), GPGME_PINENTRY_MODE_LOOPBACK);
        require(gpgme_set_ctx_flag(context_.get(), "no-symkey-cache", "1"), "set up gpg");
        require(gpgme_set_ctx_flag(context_.get(), "full-status", "1"), "set up gpg");
        gpgme_set_status_cb(context_.get(), take_status, this);
        gpgme_set_passphrase_cb(context_.get(), give_passphrase, this);
    }

    void run() {
        gpgme_data_cbs from{};
        from.read = give_cipher;
        gpgme_data_cbs to{};
        to.write = take_plain;
        const Data cipher(from, this);
        const Data plain(to, this);
        const Watch watch;
        turn_ = std::unique_lock(turn());
        check(gpgme_op_decrypt(context_.get(), cipher.get(), plain.get()));
    }

private:
    void check(gpgme_error_t error) {
        if (failure_) {
            std::rethrow_exception(failure_);
        }
        if (gpgme_err_code(error) == GPG_ERR_NO_ERROR && status_.good() && ended_ && frame_.complete()) {
            return;
        }
        throw status_.verdict(error, asked_);
    }

    // What gpg needs not see: no parser of it meets what is no message of ours.
    void follow(stream::Bytes bytes) {
        frame_.follow(bytes);
        if (frame_.malformed()) {
            throw Error(ExitCode::damaged, size_ == 0 ? "it is no encrypted OpenPGP message"
                                                      : "it is not one whole OpenPGP message: something "
                                                        "else stands in it, or behind it");
        }
        size_ += bytes.size();
    }

    void end() {
        ended_ = true;
        if (!frame_.complete()) {
            throw Error(ExitCode::damaged, size_ == 0
                                               ? "it is empty"
                                               : "it is cut off after " + std::to_string(size_) + " bytes");
        }
    }

    // The four callbacks are called by C: no exception may pass.
    static ssize_t give_cipher(void* self, void* buffer, size_t size) {
        auto& one = *static_cast<Decryption*>(self);
        try {
            if (!one.failure_ && !one.status_.lost()) {
                const std::span into(static_cast<std::byte*>(buffer), size);
                const std::size_t count = one.from_.read(into);
                if (count == 0) {
                    one.end();
                } else {
                    one.follow(into.first(count));
                }
                return static_cast<ssize_t>(count);
            }
        } catch (...) {
            one.failure_ = std::current_exception();
        }
        errno = ECANCELED;
        return -1;
    }

    static ssize_t take_plain(void* self, const void* buffer, size_t size) {
        auto& one = *static_cast<Decryption*>(self);
        try {
            if (!one.failure_) {
                one.to_.write(stream::Bytes(static_cast<const std::byte*>(buffer), size));
                return static_cast<ssize_t>(size);
            }
        } catch (...) {
            one.failure_ = std::current_exception();
        }
        errno = EIO;
        return -1;
    }

    static gpgme_error_t take_status(void* self, const char* keyword, const char* arguments) {
        auto& one = *static_cast<Decryption*>(self);
        try {
            one.status_.take(keyword, arguments != nullptr ? arguments : "");
            if (one.turn_ && std::string_view(keyword) == "BEGIN_DECRYPTION") {
                one.turn_.unlock();
            }
        } catch (...) {
            one.failure_ = std::current_exception();
            return gpgme_error(GPG_ERR_ENOMEM);
        }
        return 0;
    }

    static gpgme_error_t give_passphrase(void* self, const char*, const char*, int was_bad, int descriptor) {
        auto& one = *static_cast<Decryption*>(self);
        const bool message = one.status_.asks_for_message();
        (message ? one.asked_.for_message : one.asked_.for_key) = true;
        const std::string& given = message ? one.unlocking_.passphrase : one.unlocking_.key_passphrase;
        if (given.empty() || was_bad != 0) {
            one.asked_.refused = true;
            return gpgme_error(GPG_ERR_CANCELED);
        }
        if (gpgme_io_writen(descriptor, given.data(), given.size()) != 0 ||
            gpgme_io_writen(descriptor, "\n", 1) != 0) {
            return gpgme_error_from_errno(errno);
        }
        return 0;
    }

    stream::Source& from_;
    stream::Sink& to_;
    const Unlocking& unlocking_;
    std::unique_lock<std::mutex> turn_; // until the session key is known
    Context context_;
    MessageFrame frame_;
    DecryptionStatus status_;
    Asked asked_;
    std::uint64_t size_ = 0;
    bool ended_ = false;
    std::exception_ptr failure_; // of ours, and the cause of whatever gpg says
};

} // namespace

void decrypt(stream::Source& from, stream::Sink& to, const Home& home, const Unlocking& unlocking) {
    Decryption(from, to, home, unlocking).run();
    MIRACLEMAX_FAULT_POINT("openpgp.decrypted");
    to.finish();
}

} // namespace miraclemax::openpgp
