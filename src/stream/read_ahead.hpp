// A source that is read by a thread of its own, so that what it takes to produce its bytes (to decompress
// them) and what is done with them happen at the same time.
#pragma once

#include "stream/byte_queue.hpp"

#include <exception>
#include <thread>

namespace miraclemax::stream {

// Borrows `from`, which nobody else may touch any more. An Error of it comes out of read() after the bytes
// that came before it. The thread begins in the constructor, with the rights and system calls that its maker
// has then; throws Error when there can't be one more. The destructor waits for the read of `from` that is
// under way: whoever ends early sees to it that it ends.
class ReadAhead : public Source {
public:
    explicit ReadAhead(Source& from);
    ~ReadAhead() override;
    std::size_t read(std::span<std::byte> into) override;

private:
    void fetch();

    Source& from_;
    ByteQueue queue_;
    std::exception_ptr failure_; // the thread's, until it closes the queue
    std::thread thread_;
};

} // namespace miraclemax::stream
