#include "stream/decompression.hpp"

#include "error.hpp"

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include <isa-l/igzip_lib.h>

namespace miraclemax::stream {

namespace {

constexpr std::size_t piece = std::size_t{256} * 1024;
constexpr std::size_t most_at_once = std::size_t{1} << 30U; // ISA-L counts in 32 bits

Error damaged(const char* why) {
    return {ExitCode::damaged, std::string("the gzip data is damaged: ") + why};
}

class GunzipSource : public Source {
public:
    explicit GunzipSource(Source& from) : from_(from), packed_(piece) {
        isal_inflate_init(state_.get());
        state_->crc_flag = ISAL_GZIP_NO_HDR_VER; // the trailer with both checks; the header is read here
    }

    std::size_t read(std::span<std::byte> into) override {
        while (!into.empty()) {
            if (!in_member_ && !begin_member()) {
                return 0;
            }
            const std::size_t produced = inflate(into.first(std::min(into.size(), most_at_once)));
            if (produced > 0) {
                return produced;
            }
        }
        return 0;
    }

private:
    // False at the end of the last member.
    bool begin_member() {
        if (state_->avail_in == 0 && !refill()) {
            if (members_ == 0) {
                throw damaged("it is empty");
            }
            return false;
        }
        if (members_++ > 0) {
            isal_inflate_reset(state_.get()); // leaves the input where it is
        }
        read_header();
        in_member_ = true;
        return true;
    }

    // ISA-L's own reading of it, within isal_inflate(), forgets the flags where a header is cut by the end of
    // the input.
    void read_header() {
        isal_gzip_header header{};
        isal_gzip_header_init(&header);
        for (;;) {
            const int result = isal_read_gzip_header(state_.get(), &header);
            if (result == ISAL_DECOMP_OK) {
                return;
            }
            if (result != ISAL_END_INPUT) {
                check(result);
                throw damaged("its header can't be read");
            }
            if (state_->avail_in == 0 && !refill()) {
                throw damaged("it ends in the middle");
            }
        }
    }

    std::size_t inflate(std::span<std::byte> into) {
        state_->next_out = reinterpret_cast<std::uint8_t*>(into.data());
        state_->avail_out = static_cast<std::uint32_t>(into.size());
        check(isal_inflate(state_.get()));
        const std::size_t produced = into.size() - state_->avail_out;
        if (state_->block_state == ISAL_BLOCK_FINISH) {
            in_member_ = false;
        } else if (produced == 0 && state_->avail_in == 0 && !refill()) {
            throw damaged("it ends in the middle");
        }
        return produced;
    }

    void check(int result) const {
        if (result == ISAL_INVALID_WRAPPER || result == ISAL_UNSUPPORTED_METHOD) {
            throw damaged(members_ == 1 ? "it does not begin as gzip does"
                                        : "other bytes follow where it should end");
        }
        if (result == ISAL_INCORRECT_CHECKSUM) {
            throw damaged("a checksum or a length is wrong");
        }
        if (result < 0) {
            throw damaged("it can't be decoded");
        }
    }

    bool refill() {
        const std::size_t count = from_.read(packed_);
        state_->next_in = reinterpret_cast<std::uint8_t*>(packed_.data());
        state_->avail_in = static_cast<std::uint32_t>(count);
        return count > 0;
    }

    Source& from_;
    std::vector<std::byte> packed_;
    std::unique_ptr<inflate_state> state_ = std::make_unique<inflate_state>();
    unsigned long members_ = 0;
    bool in_member_ = false;
};

} // namespace

std::unique_ptr<Source> gunzip(Source& from) {
    return std::make_unique<GunzipSource>(from);
}

} // namespace miraclemax::stream
