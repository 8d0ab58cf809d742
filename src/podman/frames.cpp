#include "podman/frames.hpp"

#include <algorithm>

namespace miraclemax::podman {

void Frames::take(std::string_view piece) {
    while (!piece.empty()) {
        if (raw_) {
            keep(piece);
            return;
        }
        if (left_ > 0) {
            const auto part = piece.substr(0, left_);
            keep(part);
            left_ -= static_cast<std::uint32_t>(part.size());
            piece.remove_prefix(part.size());
            continue;
        }
        const auto part = piece.substr(0, header_.size() - held_);
        std::copy(part.begin(), part.end(), header_.begin() + static_cast<std::ptrdiff_t>(held_));
        held_ += part.size();
        piece.remove_prefix(part.size());
        if (!header_makes_sense()) {
            raw_ = true;
            keep({header_.data(), held_});
            held_ = 0;
        } else if (held_ == header_.size()) {
            const auto byte = [&](std::size_t at) {
                return std::uint32_t{static_cast<unsigned char>(header_[at])};
            };
            left_ = byte(4) << 24U | byte(5) << 16U | byte(6) << 8U | byte(7);
            held_ = 0;
            framed_ = true;
        }
    }
}

// Only the beginning decides whether a stream is framed; after a frame, nonsense is kept as it is too.
bool Frames::header_makes_sense() const noexcept {
    if (held_ > 0 && static_cast<unsigned char>(header_[0]) > 3)
        return false;
    return std::all_of(header_.begin() + 1,
                       header_.begin() + static_cast<std::ptrdiff_t>(std::clamp<std::size_t>(held_, 1, 4)),
                       [](char byte) { return byte == 0; });
}

std::string Frames::text() const {
    std::string all = kept_.size() > limit_ ? kept_.substr(kept_.size() - limit_) : kept_;
    if (!framed_ && held_ > 0) // too short for a frame: not framed at all
        all.append(header_.data(), held_);
    return all;
}

void Frames::keep(std::string_view bytes) {
    kept_.append(bytes);
    if (kept_.size() > 2 * limit_)
        kept_.erase(0, kept_.size() - limit_);
}

} // namespace miraclemax::podman
