// Lines over a connected unix stream socket, either side.
#pragma once

#include "stream/file.hpp"

#include <chrono>
#include <mutex>
#include <string>

namespace miraclemax::worker {

// Owns the socket. send() and offer() may be called from any thread, receive() from one.
class Channel {
public:
    enum class Got { line, nothing, closed };

    explicit Channel(stream::Descriptor socket);

    // The line and its end. Throws Error (failed) when the other side is gone, or has not taken it `within`
    // that time.
    void send(const std::string& line, std::chrono::milliseconds within);
    // The same, but the line is dropped when the other side has not read for long, or a send is under way.
    void offer(const std::string& line);
    // Waits for a line at most that long. Throws Error (failed) when one is longer than `longest`.
    Got receive(std::string& line, std::chrono::milliseconds within, std::size_t longest);

    [[nodiscard]] int descriptor() const noexcept { return socket_.get(); }

private:
    void send_rest(const std::string& text, std::size_t from, std::chrono::milliseconds within);
    bool take_line(std::string& line, std::size_t longest);

    stream::Descriptor socket_;
    std::mutex sending_;
    std::string received_;
    std::size_t scanned_ = 0; // of received_, which holds no line's end so far
};

} // namespace miraclemax::worker
