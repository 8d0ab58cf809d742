// One client: what it has sent so far, and what it still has to take. Never blocks.
#pragma once

#include "serve/http_message.hpp"
#include "stream/file.hpp"

#include <chrono>
#include <string>

namespace miraclemax::serve {

using Steady = std::chrono::steady_clock::time_point;

// Owned by the server's one polling thread. Where it says `over`, it is to be destroyed.
class HttpConnection {
public:
    // draining: all is said, and what the client still sends is thrown away, since closing at once would make
    // the kernel take back what it has not read yet (RFC 9112 §9.6).
    enum class State { reading, answering, writing, draining, over };

    HttpConnection(stream::Descriptor socket, Steady now);

    [[nodiscard]] int descriptor() const { return socket_.get(); }
    [[nodiscard]] State state() const { return state_; }
    [[nodiscard]] short events() const; // to poll for
    [[nodiscard]] Steady deadline() const { return deadline_; }
    [[nodiscard]] Steady since() const { return since_; }                   // when its state began
    [[nodiscard]] const std::string& path() const { return request_.path; } // what is to be answered

    void ready(short events, Steady now); // poll() found something
    void late(Steady now);                // the deadline passed
    void answer(const Page& page, Steady now);

private:
    void read(Steady now);
    void understand(Steady now);
    void write(Steady now);
    void refuse(int status, Steady now);
    void respond(const Page& page, bool keep, Steady now);
    void become(State state, std::chrono::milliseconds patience, Steady now);

    stream::Descriptor socket_;
    State state_ = State::reading;
    Steady since_, deadline_;
    std::string input_, output_;
    std::size_t written_ = 0;
    HttpRequest request_;
    unsigned requests_ = 0;
    std::size_t drained_ = 0;
    bool ended_ = false; // the client sends no more
    bool keep_ = false;  // after the response another request may follow
};

} // namespace miraclemax::serve
