// SHA-256 of a stream, computed in a thread of its own: it costs as much as the rest of what is done to the
// bytes.
#pragma once

#include "stream/byte_queue.hpp"
#include "stream/digest.hpp"

#include <exception>
#include <thread>

namespace miraclemax::stream {

// One hash. update() copies what it is given, and waits while the thread is a ring behind; then hex() once.
// One thread uses it. What is short, and all where there is no second core or no second thread, is hashed at
// once.
class Sha256Aside {
public:
    Sha256Aside() = default;
    ~Sha256Aside();
    Sha256Aside(const Sha256Aside&) = delete;
    Sha256Aside& operator=(const Sha256Aside&) = delete;
    void update(Bytes bytes);        // throws what OpenSSL can't
    [[nodiscard]] std::string hex(); // likewise

private:
    void begin();
    void compute() noexcept;

    Sha256 sha256_; // the thread's, while there is one
    std::size_t hashed_ = 0;
    bool alone_ = false;
    std::unique_ptr<ByteQueue> queue_;
    std::exception_ptr failure_; // likewise
    std::thread thread_;
};

using AsideDigestSink = HashingSink<Sha256Aside>;

} // namespace miraclemax::stream
