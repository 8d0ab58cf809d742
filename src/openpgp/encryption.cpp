// Encryption of a stream: GPGME in a thread of its own, fed by a bounded queue.
#include "openpgp/context.hpp"
#include "openpgp/dead_pipes.hpp"
#include "openpgp/message_frame.hpp"

#include "stream/byte_queue.hpp"
#include "stream/fault_point.hpp"
#include "stream/file.hpp"

#include <cerrno>
#include <chrono>
#include <cstring>
#include <exception>
#include <future>
#include <system_error>
#include <thread>

#include <fcntl.h>
#include <sys/stat.h>

namespace miraclemax::openpgp {

namespace {

constexpr std::size_t queue_size = std::size_t{1} << 20U;

std::vector<Key> usable_keys(const Context& context, const Home& home,
                             const std::vector<std::string>& wanted) {
    std::vector<Key> keys;
    for (const KeyState& state : inspect_keys(home, wanted)) {
        if (state.fault != Fault::none) {
            throw Error(ExitCode::key, "the key " + state.wanted + " " + sentence(state.fault),
                        "give a public key that can encrypt, or name another recipient");
        }
        gpgme_key_t key = nullptr;
        require(gpgme_get_key(context.get(), state.fingerprint.c_str(), &key, 0),
                "find the key " + state.wanted);
        keys.emplace_back(key);
    }
    return keys;
}

// gpg asks its agent for a passphrase by way of GPGME, which needs new sockets that a worker may not have,
// and caches it. So gpg reads it from a FIFO in a home of its own: it never lies on a disk, nor in an argv.
// That home lies in the given one: who removes that one after a kill removes both.
class PassphraseHome {
public:
    PassphraseHome(const Home& above, const std::string& passphrase) : home_(Home::within(above)) {
        if (passphrase.find_first_of(std::string_view("\n\0", 2)) != std::string::npos ||
            passphrase.size() > 1024) {
            throw Error(ExitCode::key,
                        "the passphrase has a line break or NUL in it, or more than 1024 bytes",
                        "use one line of text");
        }
        const std::filesystem::path fifo = home_->path() / "passphrase";
        if (::mkfifo(fifo.c_str(), 0600) != 0) {
            throw stream::write_error("create", fifo, errno);
        }
        // For reading too: so neither this open nor gpg's waits for the other side.
        fifo_ = stream::Descriptor(::open(fifo.c_str(), O_RDWR | O_CLOEXEC | O_NONBLOCK));
        if (!fifo_) {
            throw stream::write_error("open", fifo, errno);
        }
        stream::write_all(fifo_.get(), std::as_bytes(std::span(passphrase.data(), passphrase.size())), fifo);
        stream::write_all(fifo_.get(), std::as_bytes(std::span("\n", 1)), fifo);
        const std::filesystem::path conf = home_->path() / "gpg.conf";
        stream::replace_file(conf, stream::read_file(conf, 4096) +
                                       "pinentry-mode loopback\npassphrase-file " + fifo.string() + "\n");
    }
    [[nodiscard]] const Home& home() const noexcept { return *home_; }

private:
    std::unique_ptr<Home> home_;
    stream::Descriptor fifo_;
};

class EncryptingSink : public stream::Sink {
public:
    EncryptingSink(stream::Sink& next, const Home& home, const Recipients& recipients)
        : next_(next), symmetric_(recipients.passphrase.empty()
                                      ? nullptr
                                      : std::make_unique<PassphraseHome>(home, recipients.passphrase)),
          context_(symmetric_ ? symmetric_->home() : home), queue_(queue_size) {
        if (symmetric_) {
            gpgme_set_pinentry_mode(context_.get(), GPGME_PINENTRY_MODE_LOOPBACK);
            require(gpgme_set_ctx_flag(context_.get(), "no-symkey-cache", "1"), "set up gpg");
        } else if (recipients.fingerprints.empty()) {
            throw Error(ExitCode::key, "there is neither a recipient nor a passphrase to encrypt to");
        } else {
            keys_ = usable_keys(context_, home, recipients.fingerprints);
        }
        require(gpgme_set_ctx_flag(context_.get(), "full-status", "1"), "set up gpg");
        gpgme_set_status_cb(context_.get(), take_status, this);
        try {
            thread_ = std::thread([this] { run(); });
        } catch (const std::system_error& error) {
            throw Error(ExitCode::failed, std::string("can't start a thread to encrypt: ") + error.what());
        }
    }

    ~EncryptingSink() override {
        queue_.abandon();
        join();
    }

    void write(stream::Bytes bytes) override {
        if (!queue_.write(bytes, empty_dead_pipes)) {
            end_thread();
            throw Error(ExitCode::key, "gpg ended before the data did");
        }
    }

    void finish() override {
        MIRACLEMAX_FAULT_POINT("openpgp.finish");
        queue_.close();
        end_thread();
        next_.finish();
    }

private:
    void join() noexcept {
        if (!thread_.joinable()) {
            return;
        }
        while (done_.wait_for(std::chrono::milliseconds(500)) != std::future_status::ready) {
            empty_dead_pipes();
        }
        thread_.join();
    }

    void end_thread() {
        join();
        if (failure_) {
            std::rethrow_exception(failure_);
        }
    }

    // The thread. Nothing leaves it but failure_, which the join publishes.
    void run() noexcept {
        try {
            encrypt();
        } catch (...) {
            if (!failure_) {
                failure_ = std::current_exception();
            }
        }
        queue_.abandon();
        over_.set_value();
    }

    void encrypt() {
        gpgme_data_cbs from{};
        from.read = take_plain;
        gpgme_data_cbs to{};
        to.write = give_cipher;
        const Data plain(from, this);
        const Data cipher(to, this);
        std::vector<gpgme_key_t> to_keys;
        for (const Key& key : keys_) {
            to_keys.push_back(key.get());
        }
        to_keys.push_back(nullptr);
        const auto flags = static_cast<gpgme_encrypt_flags_t>(
            GPGME_ENCRYPT_ALWAYS_TRUST | GPGME_ENCRYPT_NO_COMPRESS | GPGME_ENCRYPT_NO_ENCRYPT_TO);
        const gpgme_error_t error = gpgme_op_encrypt(context_.get(), symmetric_ ? nullptr : to_keys.data(),
                                                     flags, plain.get(), cipher.get());
        check(error);
    }

    void check(gpgme_error_t error) const {
        if (failure_) {
            return; // of the next sink, and the cause of whatever gpg says
        }
        const gpgme_encrypt_result_t result = gpgme_op_encrypt_result(context_.get());
        if (result != nullptr && result->invalid_recipients != nullptr) {
            const gpgme_invalid_key_t bad = result->invalid_recipients;
            throw gpg_error_of(bad->reason,
                               std::string("encrypt to the key ") + (bad->fpr != nullptr ? bad->fpr : "?"));
        }
        require(error, "encrypt");
        if (!queue_.drained() || !ended_ || !frame_.complete()) {
            throw Error(ExitCode::key, "gpg ended in the middle of encrypting",
                        "it may have been killed for want of memory: see the kernel log");
        }
    }

    // The three callbacks run in the thread, called by C: no exception may pass.
    static ssize_t take_plain(void* self, void* buffer, size_t size) {
        auto& sink = *static_cast<EncryptingSink*>(self);
        const auto count = sink.queue_.read(std::span(static_cast<std::byte*>(buffer), size));
        if (!count) {
            errno = ECANCELED;
            return -1;
        }
        return static_cast<ssize_t>(*count);
    }

    static ssize_t give_cipher(void* self, const void* buffer, size_t size) {
        auto& sink = *static_cast<EncryptingSink*>(self);
        try {
            if (!sink.failure_) {
                const stream::Bytes bytes(static_cast<const std::byte*>(buffer), size);
                sink.frame_.follow(bytes);
                sink.next_.write(bytes);
                return static_cast<ssize_t>(size);
            }
        } catch (...) {
            sink.failure_ = std::current_exception();
        }
        sink.queue_.abandon();
        errno = EIO;
        return -1;
    }

    static gpgme_error_t take_status(void* self, const char* keyword, const char*) {
        if (std::strcmp(keyword, "END_ENCRYPTION") == 0) {
            static_cast<EncryptingSink*>(self)->ended_ = true;
        }
        return 0;
    }

    stream::Sink& next_;
    std::unique_ptr<PassphraseHome> symmetric_; // before context_, which uses its home
    Context context_;
    std::vector<Key> keys_;
    stream::ByteQueue queue_;
    MessageFrame frame_; // the thread's, as are the next two until it was joined
    bool ended_ = false;
    std::exception_ptr failure_;
    std::promise<void> over_;
    std::future<void> done_ = over_.get_future();
    std::thread thread_;
};

} // namespace

std::unique_ptr<stream::Sink> encrypt_to(stream::Sink& next, const Home& home, const Recipients& recipients) {
    return std::make_unique<EncryptingSink>(next, home, recipients);
}

} // namespace miraclemax::openpgp
