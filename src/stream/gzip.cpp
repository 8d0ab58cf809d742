#include "stream/gzip.hpp"

#include "error.hpp"
#include "stream/gzip_stored.hpp"

#include <algorithm>
#include <condition_variable>
#include <cstdint>
#include <cstring>
#include <deque>
#include <exception>
#include <mutex>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include <isa-l/igzip_lib.h>

namespace miraclemax::stream {

namespace {

constexpr std::size_t block_size = std::size_t{1} << 20U;
// Incompressible data becomes stored blocks: 5 bytes for each 64 KiB, and the member's 18.
constexpr std::size_t packed_size = block_size + block_size / 64 + 1024;
constexpr unsigned most_threads = 32;

struct Block {
    std::vector<std::byte> plain = std::vector<std::byte>(block_size);
    std::vector<std::byte> packed = std::vector<std::byte>(packed_size);
    std::size_t filled = 0;
    std::size_t produced = 0;
    bool done = false; // guarded by the sink's mutex, as is what it says about `produced` and `failure`
    std::exception_ptr failure;
};

// One thread's ISA-L state. The level buffer belongs to it and is used anew for each block.
class Compressor {
public:
    explicit Compressor(int level) : level_(static_cast<std::uint32_t>(std::clamp(level, 0, 3))) {
        constexpr std::size_t sizes[] = {ISAL_DEF_LVL0_DEFAULT, ISAL_DEF_LVL1_DEFAULT, ISAL_DEF_LVL2_DEFAULT,
                                         ISAL_DEF_LVL3_DEFAULT};
        level_buffer_.resize(sizes[level_]);
    }

    void compress(Block& block) {
        const auto plain = Bytes(block.plain).first(block.filled);
        if (looks_random(plain) && !shrinks(plain, block.packed)) {
            block.produced = store_member(plain, block.packed);
            return;
        }
        block.produced = deflate(plain, block.packed);
    }

private:
    // A piece of it tells: twice as long as deflate looks back (RFC 1951: 32 KiB).
    bool shrinks(Bytes plain, std::span<std::byte> packed) {
        constexpr std::size_t piece = std::size_t{64} << 10U;
        if (plain.size() < 2 * piece)
            return true;
        const auto middle = plain.subspan((plain.size() - piece) / 2, piece);
        return deflate(middle, packed) < piece - piece / 64;
    }

    std::size_t deflate(Bytes plain, std::span<std::byte> packed) {
        isal_deflate_stateless_init(&stream_);
        stream_.level = level_;
        stream_.level_buf = level_buffer_.empty() ? nullptr : level_buffer_.data();
        stream_.level_buf_size = static_cast<std::uint32_t>(level_buffer_.size());
        stream_.gzip_flag = IGZIP_GZIP;
        stream_.flush = NO_FLUSH;
        stream_.end_of_stream = 1;
        // ISA-L only reads there, though its type doesn't say so.
        stream_.next_in = reinterpret_cast<std::uint8_t*>(const_cast<std::byte*>(plain.data()));
        stream_.avail_in = static_cast<std::uint32_t>(plain.size());
        stream_.next_out = reinterpret_cast<std::uint8_t*>(packed.data());
        stream_.avail_out = static_cast<std::uint32_t>(packed.size());
        const int result = isal_deflate_stateless(&stream_);
        if (result != COMP_OK || stream_.avail_in != 0) {
            throw Error(ExitCode::failed,
                        "ISA-L can't compress a block (code " + std::to_string(result) + ")");
        }
        return packed.size() - stream_.avail_out;
    }

    std::uint32_t level_;
    std::vector<std::uint8_t> level_buffer_;
    isal_zstream stream_{};
};

class GzipSink : public Sink {
public:
    GzipSink(Sink& next, int level, unsigned threads)
        : next_(next), own_(level), current_(std::make_unique<Block>()) {
        for (unsigned i = 0; threads > 1 && i < threads; ++i) {
            try {
                pool_.emplace_back([this, level] { serve(level); });
            } catch (const std::system_error&) {
                break; // a limit on processes: go on with those there are, or without any
            }
        }
        most_pending_ = 2 * pool_.size();
    }

    ~GzipSink() override {
        {
            const std::lock_guard lock(mutex_);
            stop_ = true;
        }
        work_.notify_all();
        for (std::thread& thread : pool_) {
            thread.join();
        }
    }

    void write(Bytes bytes) override {
        while (!bytes.empty()) {
            const std::size_t count = std::min(bytes.size(), block_size - current_->filled);
            std::memcpy(current_->plain.data() + current_->filled, bytes.data(), count);
            current_->filled += count;
            bytes = bytes.subspan(count);
            if (current_->filled == block_size) {
                submit();
            }
        }
    }

    void finish() override {
        if (current_->filled > 0 || !any_) {
            submit();
        }
        while (!pending_.empty()) {
            emit_oldest(true);
        }
        next_.finish();
    }

private:
    void submit() {
        any_ = true;
        if (pool_.empty()) {
            own_.compress(*current_);
            next_.write(std::span(current_->packed).first(current_->produced));
            current_->filled = 0;
            return;
        }
        {
            const std::lock_guard lock(mutex_);
            jobs_.push_back(current_.get());
            pending_.push_back(std::move(current_));
        }
        work_.notify_one();
        while (!pending_.empty() && emit_oldest(pending_.size() >= most_pending_)) {
        }
        if (free_.empty()) {
            current_ = std::make_unique<Block>();
        } else {
            current_ = std::move(free_.back());
            free_.pop_back();
        }
    }

    // False when the oldest block is not ready and `wait` is false.
    bool emit_oldest(bool wait) {
        Block& oldest = *pending_.front();
        {
            std::unique_lock lock(mutex_);
            if (!oldest.done && !wait) {
                return false;
            }
            done_.wait(lock, [&oldest] { return oldest.done; });
        }
        if (oldest.failure) {
            std::rethrow_exception(oldest.failure);
        }
        next_.write(std::span(oldest.packed).first(oldest.produced));
        oldest.filled = 0;
        oldest.done = false;
        free_.push_back(std::move(pending_.front()));
        pending_.pop_front();
        return true;
    }

    void serve(int level) noexcept {
        std::unique_ptr<Compressor> compressor;
        std::unique_lock lock(mutex_);
        for (;;) {
            work_.wait(lock, [this] { return stop_ || !jobs_.empty(); });
            if (stop_) {
                return;
            }
            Block& block = *jobs_.front();
            jobs_.pop_front();
            lock.unlock();
            std::exception_ptr failure;
            try {
                if (!compressor) {
                    compressor = std::make_unique<Compressor>(level);
                }
                compressor->compress(block);
            } catch (...) {
                failure = std::current_exception();
            }
            lock.lock();
            block.failure = failure;
            block.done = true;
            done_.notify_one();
        }
    }

    Sink& next_;
    Compressor own_;
    bool any_ = false;
    std::unique_ptr<Block> current_;
    std::deque<std::unique_ptr<Block>> pending_; // in the order of the input; only the calling thread
    std::vector<std::unique_ptr<Block>> free_;   // only the calling thread
    std::size_t most_pending_ = 0;

    std::mutex mutex_;
    std::condition_variable work_;
    std::condition_variable done_;
    std::deque<Block*> jobs_;
    bool stop_ = false;
    std::vector<std::thread> pool_; // last: its threads use all the above
};

} // namespace

std::unique_ptr<Sink> gzip_to(Sink& next, int level, unsigned threads) {
    if (threads == 0) {
        threads = std::max(1U, std::thread::hardware_concurrency());
    }
    return std::make_unique<GzipSink>(next, level, std::min(threads, most_threads));
}

} // namespace miraclemax::stream
