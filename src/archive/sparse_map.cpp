#include "archive/sparse_map.hpp"

#include "error.hpp"

namespace miraclemax::archive {
namespace {

constexpr std::uint64_t kMost = (1 << 18) + 2; // what data_extents() gives, and the empty part at the end

[[noreturn]] void refuse(const char* why) {
    throw Error(ExitCode::damaged, std::string("the map of its holes is broken: ") + why);
}

} // namespace

void SparseMap::number(std::uint64_t value) {
    if (!counted_) {
        if (value > kMost)
            refuse("it has too many parts");
        counted_ = true;
        left_ = value * 2;
        return;
    }
    if (left_-- % 2 == 0) {
        if (value < end_ || value > size_)
            refuse("its parts are out of order, overlap, or lie beyond the file's end");
        offset_ = value;
        return;
    }
    if (value > size_ - offset_)
        refuse("its parts lie beyond the file's end");
    end_ = offset_ + value;
    data_ += value;
    if (value != 0)
        parts_.push_back({.offset = offset_, .length = value});
}

bool SparseMap::take(std::string_view block) {
    for (const char c : block) {
        if (counted_ && left_ == 0)
            return true; // the rest fills up the block
        if (c == '\n' && digits_ != 0) {
            number(value_);
            value_ = 0;
            digits_ = 0;
            continue;
        }
        if (c < '0' || c > '9' || ++digits_ > 19)
            refuse("there is something else than numbers in it");
        value_ = value_ * 10 + static_cast<std::uint64_t>(c - '0');
    }
    return counted_ && left_ == 0;
}

} // namespace miraclemax::archive
