#include "openpgp/message_frame.hpp"

#include <algorithm>

namespace miraclemax::openpgp {

namespace {

// Session keys, a marker, and data with integrity protection (RFC 4880 section 4.3; 20 is GnuPG's own): what
// an encrypted message is made of.
bool belongs(unsigned tag) {
    return tag == 1 || tag == 3 || tag == 10 || tag == 18 || tag == 20;
}

} // namespace

void MessageFrame::follow(stream::Bytes bytes) {
    while (!bytes.empty() && !malformed_) {
        if (state_ == State::body) {
            const auto part = static_cast<std::size_t>(std::min<std::uint64_t>(left_, bytes.size()));
            left_ -= part;
            bytes = bytes.subspan(part);
            if (left_ == 0) {
                state_ = partial_ ? State::first_length : State::tag;
            }
            continue;
        }
        const auto byte = std::to_integer<std::uint8_t>(bytes.front());
        bytes = bytes.subspan(1);
        if (state_ == State::tag) {
            header(byte);
        } else if (state_ == State::first_length) {
            first_length(byte);
        } else {
            left_ = left_ << 8U | byte;
            if (--length_bytes_ == 0) {
                begin_body();
            }
        }
    }
}

void MessageFrame::header(std::uint8_t byte) {
    const bool protected_data_ended = tag_ == 18 || tag_ == 20;
    if ((byte & 0x80U) == 0 || protected_data_ended) {
        malformed_ = true;
        return;
    }
    partial_ = false;
    if ((byte & 0x40U) != 0) {
        tag_ = byte & 0x3fU;
        malformed_ = !belongs(tag_);
        state_ = State::first_length;
        return;
    }
    tag_ = (byte >> 2U) & 0x0fU;
    const unsigned type = byte & 3U;
    malformed_ = type == 3 || !belongs(tag_); // of unknown length: gpg uses it for nothing that is encrypted
    left_ = 0;
    length_bytes_ = 1U << type;
    state_ = State::more_length;
}

void MessageFrame::first_length(std::uint8_t byte) {
    partial_ = false;
    left_ = 0;
    if (byte < 192) {
        left_ = byte;
        begin_body();
    } else if (byte < 224) {
        left_ = byte - 192U;
        length_bytes_ = 1;
        state_ = State::more_length;
        two_bytes_ = true;
    } else if (byte == 255) {
        length_bytes_ = 4;
        state_ = State::more_length;
    } else {
        partial_ = true;
        left_ = std::uint64_t{1} << (byte & 0x1fU);
        begin_body();
    }
}

void MessageFrame::begin_body() {
    if (two_bytes_) {
        left_ += 192;
        two_bytes_ = false;
    }
    if (left_ > 0) {
        state_ = State::body;
    } else {
        state_ = partial_ ? State::first_length : State::tag;
    }
}

} // namespace miraclemax::openpgp
