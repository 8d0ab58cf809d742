// Within src/openpgp only: whether bytes are one whole encrypted OpenPGP message. A gpg that is killed in the
// middle leaves half a one, so the framing of what came out, and of what goes in, is followed (RFC 4880
// section 4.2: packet headers; 9580 keeps them).
#pragma once

#include "stream/stream.hpp"

#include <cstdint>

namespace miraclemax::openpgp {

class MessageFrame {
public:
    void follow(stream::Bytes bytes);
    // The last packet ended where the bytes end, it was encrypted data with integrity protection (tag 18
    // or 20), and nothing malformed or unprotected came before.
    [[nodiscard]] bool complete() const noexcept {
        return state_ == State::tag && !malformed_ && (tag_ == 18 || tag_ == 20);
    }

    // No encrypted message begins, or goes on, as these bytes do.
    [[nodiscard]] bool malformed() const noexcept { return malformed_; }

private:
    enum class State { tag, first_length, more_length, body };
    void header(std::uint8_t byte);
    void first_length(std::uint8_t byte);
    void begin_body();

    State state_ = State::tag;
    unsigned tag_ = 0;
    bool partial_ = false; // another length follows this part of the body
    bool malformed_ = false;
    bool two_bytes_ = false; // the length is 192 more than its two bytes say
    unsigned length_bytes_ = 0;
    std::uint64_t left_ = 0;
};

} // namespace miraclemax::openpgp
