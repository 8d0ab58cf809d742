// Within src/worker only: the ends of the pipe between the worker that decrypts and the one that unpacks.
#pragma once

#include "stream/file.hpp"

#include <atomic>
#include <cstdint>
#include <string>

namespace miraclemax::worker {

// Both count up `moved`, which is borrowed, and stop with Error (interrupted) once `stopped`, also borrowed,
// is set: a source within a moment, a sink at its next write.

// Reads a file or pipe to its end. One thread.
class HandedSource : public stream::Source {
public:
    HandedSource(stream::Descriptor from, std::string name, std::atomic<std::uint64_t>& moved,
                 const std::atomic<bool>& stopped);
    std::size_t read(std::span<std::byte> into) override;

private:
    stream::Descriptor from_;
    std::string name_;
    std::atomic<std::uint64_t>& moved_;
    const std::atomic<bool>& stopped_;
};

// Writes a pipe. finish() closes it. Throws Error (failed) "… ended" when nobody reads from it any more.
class HandedSink : public stream::Sink {
public:
    HandedSink(stream::Descriptor to, std::atomic<std::uint64_t>& moved, const std::atomic<bool>& stopped);
    void write(stream::Bytes bytes) override;
    void finish() override { to_.reset(); }

private:
    stream::Descriptor to_;
    std::atomic<std::uint64_t>& moved_;
    const std::atomic<bool>& stopped_;
};

} // namespace miraclemax::worker
