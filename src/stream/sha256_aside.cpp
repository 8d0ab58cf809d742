#include "stream/sha256_aside.hpp"

#include <system_error>

namespace miraclemax::stream {

namespace {

constexpr std::size_t ring_size = std::size_t{1} << 20U;
constexpr std::size_t short_one = std::size_t{1} << 20U;

} // namespace

void Sha256Aside::begin() {
    alone_ = std::thread::hardware_concurrency() < 2;
    if (alone_) {
        return;
    }
    queue_ = std::make_unique<ByteQueue>(ring_size);
    try {
        thread_ = std::thread([this] { compute(); });
    } catch (const std::system_error&) { // a limit on processes
        queue_.reset();
        alone_ = true;
    }
}

Sha256Aside::~Sha256Aside() {
    if (thread_.joinable()) {
        queue_->abandon();
        thread_.join();
    }
}

void Sha256Aside::compute() noexcept {
    try {
        while (queue_->consume([this](Bytes bytes) { sha256_.update(bytes); })) {
        }
    } catch (...) {
        failure_ = std::current_exception();
        queue_->abandon();
    }
}

void Sha256Aside::update(Bytes bytes) {
    if (!queue_ && !alone_ && hashed_ >= short_one) {
        begin();
    }
    if (queue_) {
        queue_->write(bytes); // abandoned: hex() tells why
        return;
    }
    sha256_.update(bytes);
    hashed_ += bytes.size();
}

std::string Sha256Aside::hex() {
    if (queue_) {
        queue_->close();
        thread_.join();
    }
    if (failure_) {
        std::rethrow_exception(failure_);
    }
    return sha256_.hex();
}

} // namespace miraclemax::stream
