#include "stream/zstd.hpp"

#include "error.hpp"

#include <algorithm>
#include <string>
#include <thread>
#include <vector>

#include <zstd.h>

namespace miraclemax::stream {

namespace {

std::size_t require(std::size_t result) {
    if (ZSTD_isError(result) != 0U) {
        throw Error(ExitCode::failed, std::string("zstd can't compress: ") + ZSTD_getErrorName(result));
    }
    return result;
}

class ZstdSink : public Sink {
public:
    ZstdSink(Sink& next, int level, unsigned threads)
        : next_(next), context_(ZSTD_createCCtx(), ZSTD_freeCCtx), out_(ZSTD_CStreamOutSize()) {
        if (!context_) {
            throw Error(ExitCode::failed, "zstd has no memory to begin with");
        }
        require(ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_compressionLevel, level));
        require(ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_checksumFlag, 1));
        if (threads > 1) {
            // A libzstd built without threads refuses this, and then compresses in the calling thread.
            ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_nbWorkers, static_cast<int>(threads));
        }
    }

    void write(Bytes bytes) override {
        ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
        while (in.pos < in.size) {
            step(in, ZSTD_e_continue);
        }
    }

    void finish() override {
        ZSTD_inBuffer in{nullptr, 0, 0};
        while (step(in, ZSTD_e_end) != 0) {
        }
        next_.finish();
    }

private:
    std::size_t step(ZSTD_inBuffer& in, ZSTD_EndDirective directive) {
        ZSTD_outBuffer out{out_.data(), out_.size(), 0};
        const std::size_t left = require(ZSTD_compressStream2(context_.get(), &out, &in, directive));
        if (out.pos > 0) {
            next_.write(std::span(out_).first(out.pos));
        }
        return left;
    }

    Sink& next_;
    std::unique_ptr<ZSTD_CCtx, decltype(&ZSTD_freeCCtx)> context_;
    std::vector<std::byte> out_;
};

} // namespace

std::unique_ptr<Sink> zstd_to(Sink& next, int level, unsigned threads) {
    if (threads == 0) {
        threads = std::max(1U, std::thread::hardware_concurrency());
    }
    return std::make_unique<ZstdSink>(next, std::clamp(level, 1, 19), threads);
}

} // namespace miraclemax::stream
