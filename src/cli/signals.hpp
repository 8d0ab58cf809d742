// SIGTERM, SIGINT, SIGQUIT and SIGHUP as a stop request; Ctrl-Z does nothing.
#pragma once

#include <atomic>
#include <stop_token>
#include <thread>

namespace miraclemax::cli {

// Made in main's thread before any other is started: the signals are blocked everywhere, and one thread waits
// for them. Children get an empty mask from the worker's launcher.
class Signals {
public:
    // hangups (borrowed): counts SIGHUPs up, which then are no stop request.
    explicit Signals(std::atomic<unsigned>* hangups = nullptr);
    ~Signals();
    Signals(const Signals&) = delete;
    Signals& operator=(const Signals&) = delete;
    [[nodiscard]] std::stop_token token() const { return source_.get_token(); }

private:
    std::stop_source source_;
    std::jthread waiter_;
};

} // namespace miraclemax::cli
