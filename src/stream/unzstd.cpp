#include "stream/decompression.hpp"

#include "error.hpp"

#include <string>
#include <vector>

#include <zstd.h>

namespace miraclemax::stream {

namespace {

Error damaged(const std::string& why) {
    return {ExitCode::damaged, "the zstd data is damaged: " + why};
}

class UnzstdSource : public Source {
public:
    explicit UnzstdSource(Source& from)
        : from_(from), context_(ZSTD_createDCtx(), ZSTD_freeDCtx), packed_(std::size_t{256} * 1024) {
        // Its own limit on a frame's window, 128 MiB, is the most memory that a frame can ask for.
        if (!context_) {
            throw Error(ExitCode::failed, "zstd has no memory to begin with");
        }
    }

    std::size_t read(std::span<std::byte> into) override {
        ZSTD_outBuffer out{into.data(), into.size(), 0};
        while (out.pos == 0 && out.size > 0) {
            if (in_.pos == in_.size && !full_ && !refill()) {
                if (!in_frame_ && begun_) {
                    return 0;
                }
                throw damaged(begun_ ? "it ends in the middle" : "it is empty");
            }
            const std::size_t left = ZSTD_decompressStream(context_.get(), &out, &in_);
            if (ZSTD_isError(left) != 0U) {
                throw damaged(ZSTD_getErrorName(left));
            }
            begun_ = true;
            in_frame_ = left != 0;
            full_ = in_frame_ && out.pos == out.size; // there may be more without more input
        }
        return out.pos;
    }

private:
    bool refill() {
        in_ = {packed_.data(), from_.read(packed_), 0};
        return in_.size > 0;
    }

    Source& from_;
    std::unique_ptr<ZSTD_DCtx, decltype(&ZSTD_freeDCtx)> context_;
    std::vector<std::byte> packed_;
    ZSTD_inBuffer in_{nullptr, 0, 0};
    bool begun_ = false;
    bool in_frame_ = false;
    bool full_ = false;
};

} // namespace

std::unique_ptr<Source> unzstd(Source& from) {
    return std::make_unique<UnzstdSource>(from);
}

} // namespace miraclemax::stream
