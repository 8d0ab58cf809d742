// The contract between everything that moves bytes.
#pragma once

#include <cstddef>
#include <span>

namespace miraclemax::stream {

using Bytes = std::span<const std::byte>;

// Takes bytes. One thread at a time. A sink that wraps another borrows it: the caller keeps the
// next sink alive for longer. write() and finish() throw miraclemax::Error; after a throw the sink
// is only good for destruction. finish() is called once, after the last write(), and finishes the
// next sink too; what was written is complete and durable only when it returns. A destructor without finish()
// abandons the work and never throws.
class Sink {
public:
    Sink() = default;
    Sink(const Sink&) = delete;
    Sink& operator=(const Sink&) = delete;
    virtual ~Sink() = default;
    virtual void write(Bytes bytes) = 0;
    virtual void finish() = 0;
};

// Gives bytes. read() fills the front of the buffer, returns how many (0: the end), throws Error.
class Source {
public:
    Source() = default;
    Source(const Source&) = delete;
    Source& operator=(const Source&) = delete;
    virtual ~Source() = default;
    virtual std::size_t read(std::span<std::byte> into) = 0;
};

} // namespace miraclemax::stream
