// Lines over a connected unix stream socket, either side.
#pragma once

#include "stream/file.hpp"

#include <chrono>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include <sys/types.h>

struct msghdr;

namespace miraclemax::worker {

// Owns the socket. send() and offer() may be called from any thread, receive() from one.
class Channel {
public:
    enum class Got { line, nothing, closed };

    explicit Channel(stream::Descriptor socket);

    // The line and its end. Throws Error (failed) when the other side is gone, or has not taken it `within`
    // that time.
    void send(const std::string& line, std::chrono::milliseconds within);
    // The same, and descriptors with the line (unix(7), SCM_RIGHTS): the other side gets copies.
    void send(const std::string& line, const std::vector<stream::Descriptor>& descriptors,
              std::chrono::milliseconds within);
    // The same, but the line is dropped when the other side has not read for long, or a send is under way.
    void offer(const std::string& line);
    // Waits for a line at most that long. Throws Error (failed) when one is longer than `longest`, or brings
    // more descriptors than are expected; these are closed then.
    Got receive(std::string& line, std::chrono::milliseconds within, std::size_t longest);
    // From now on; 0 at first. At most most_descriptors.
    void expect_descriptors(std::size_t most) noexcept { expected_ = most; }
    // Those that came with lines so far (close-on-exec), in the order in which they were sent.
    [[nodiscard]] std::vector<stream::Descriptor> take_descriptors() noexcept {
        return std::exchange(descriptors_, {});
    }
    static constexpr std::size_t most_descriptors = 4;

    [[nodiscard]] int descriptor() const noexcept { return socket_.get(); }

private:
    void send_rest(const std::string& text, std::size_t from, std::chrono::milliseconds within);
    bool take_line(std::string& line, std::size_t longest);
    ssize_t take_bytes(); // as recv(2)
    void keep_descriptors(const msghdr& message);

    stream::Descriptor socket_;
    std::mutex sending_;
    std::string received_;
    std::size_t scanned_ = 0; // of received_, which holds no line's end so far
    std::vector<stream::Descriptor> descriptors_;
    std::size_t expected_ = 0;
};

} // namespace miraclemax::worker
