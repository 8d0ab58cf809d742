// Decryption of a stream: a gpg between two pipes, both of which the calling thread minds.
#include "openpgp/decryption.hpp"

#include "openpgp/decryption_status.hpp"
#include "openpgp/gpg_process.hpp"
#include "openpgp/message_frame.hpp"
#include "openpgp/passphrase_home.hpp"

#include "stream/fault_point.hpp"

#include <memory>
#include <mutex>
#include <string_view>
#include <utility>

namespace miraclemax::openpgp {

namespace {

constexpr std::size_t block_size = std::size_t{128} * 1024;

// gpg-agent 2.2 rewrites an imported key's file when it is first used, and reads it meanwhile for others:
// half a key, and a good message looks changed. So this process has one message's session key opened at a
// time.
std::mutex& turn() {
    static std::mutex one;
    return one;
}

// Its first packet (RFC 4880, 4.2 and 5.3) says that a passphrase opens it.
bool is_symmetric(stream::Bytes message) {
    const auto first = std::to_integer<unsigned>(message.front());
    return first == 0xC3U || (first & 0xFCU) == 0x8CU;
}

void must_be_a_line(const std::string& passphrase) {
    if (passphrase.find_first_of(std::string_view("\n\0", 2)) != std::string::npos) {
        throw Error(ExitCode::key, "the passphrase has a line break or NUL in it", "use one line of text");
    }
}

class Decryption {
public:
    Decryption(stream::Source& from, stream::Sink& to, const Home& home, const Unlocking& unlocking)
        : from_(from), to_(to), unlocking_(unlocking), home_(home), block_(block_size) {
        must_be_a_line(unlocking.key_passphrase);
        must_be_a_line(unlocking.passphrase);
        asked_.key_passphrase_given = !unlocking.key_passphrase.empty();
        asked_.passphrase_given = !unlocking.passphrase.empty();
    }

    void run() {
        auto first = next();
        std::unique_ptr<PassphraseHome> without_agent;
        if (!unlocking_.passphrase.empty() && is_symmetric(first)) {
            without_agent = std::make_unique<PassphraseHome>(home_, unlocking_.passphrase);
        }
        turn_ = std::unique_lock(turn());
        GpgProcess gpg(without_agent ? without_agent->home() : home_,
                       {"--pinentry-mode", "loopback", "--no-symkey-cache", "--decrypt"});
        gpg.follow({.output = [this](stream::Bytes bytes) { to_.write(bytes); },
                    .status = [&](std::string_view keyword,
                                  std::string_view arguments) { take(gpg, keyword, arguments); },
                    .input =
                        [&] {
                            const auto bytes = std::exchange(first, {});
                            return bytes.empty() ? next() : bytes;
                        }});
        if (!gpg.wait() || !status_.good() || !ended_ || !frame_.complete()) {
            throw status_.verdict(asked_);
        }
    }

private:
    stream::Bytes next() {
        if (status_.lost()) {
            return {}; // what follows need not be fed to gpg
        }
        const auto bytes = std::span(block_).first(from_.read(block_));
        if (bytes.empty()) {
            end();
        } else {
            follow(bytes);
        }
        return bytes;
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

    void take(GpgProcess& gpg, std::string_view keyword, std::string_view arguments) {
        status_.take(keyword, arguments);
        if (turn_ && keyword == "BEGIN_DECRYPTION") {
            turn_.unlock();
        } else if (keyword == "NEED_PASSPHRASE_SYM") {
            asked_.for_message = true;
        } else if (keyword == "GET_HIDDEN") {
            give_passphrase(gpg);
        }
    }

    void give_passphrase(GpgProcess& gpg) {
        const bool message = status_.asks_for_message();
        (message ? asked_.for_message : asked_.for_key) = true;
        const std::string& given = message ? unlocking_.passphrase : unlocking_.key_passphrase;
        if (given.empty() || status_.refused_one()) {
            asked_.refused = true;
            throw status_.verdict(asked_);
        }
        gpg.answer(given);
    }

    stream::Source& from_;
    stream::Sink& to_;
    const Unlocking& unlocking_;
    const Home& home_;
    std::unique_lock<std::mutex> turn_; // until the session key is known
    std::vector<std::byte> block_;
    MessageFrame frame_;
    DecryptionStatus status_;
    Asked asked_;
    std::uint64_t size_ = 0;
    bool ended_ = false;
};

} // namespace

void decrypt(stream::Source& from, stream::Sink& to, const Home& home, const Unlocking& unlocking) {
    Decryption(from, to, home, unlocking).run();
    MIRACLEMAX_FAULT_POINT("openpgp.decrypted");
    to.finish();
}

} // namespace miraclemax::openpgp
