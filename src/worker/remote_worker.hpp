// The controller's side of the conversation, the same for both kinds of worker.
#pragma once

#include "worker/channel.hpp"
#include "worker/launcher.hpp"
#include "worker/protocol.hpp"

#include <optional>

namespace miraclemax::worker {

// What a kind of worker adds: how the connection comes about, and what is known about a worker that is gone.
class RemoteWorker : public Worker {
public:
    void wait_ready(const std::stop_token& stop) override;
    void go() override;
    void wait_read(const Progress& progress, const Deadline& deadline, const std::stop_token& stop) override;
    Outcome finish(const Progress& progress, const std::stop_token& stop) override;

protected:
    using Clock = std::chrono::steady_clock;

    RemoteWorker(Order order, Limits limits);
    // The connected socket. Throws Error when none came until `end`.
    virtual stream::Descriptor connect(const std::stop_token& stop, Clock::time_point end) = 0;
    // Called about every 100 ms while waiting.
    virtual void attend() {}
    // How it ended, and its last words: "was killed by signal 9", for a connection that closed.
    virtual std::string autopsy() = 0;

    [[nodiscard]] const Job& job() const noexcept { return order_.job; }
    [[nodiscard]] std::string name() const { return "the worker of component " + job().component; }
    void check_stop(const std::stop_token& stop) const; // throws Error (interrupted)
    void hang_up() noexcept { channel_.reset(); }

private:
    struct Wait {
        const Progress& progress;
        Deadline deadline;
        std::chrono::milliseconds silence;
        std::chrono::milliseconds standstill;
        const char* for_what; // "it was ready", to end a sentence with
        const std::stop_token& stop;
    };
    Reply next(const Wait& wait); // the next that is neither heartbeat nor progress
    template<class Expected> Expected expect(const Wait& wait);
    void tell(const Request& request);
    [[nodiscard]] Error died();

    Order order_;
    Limits limits_;
    Clock::time_point launched_ = Clock::now();
    std::optional<Channel> channel_;
    std::uint64_t moved_ = 0; // what the last heartbeat said
};

// The last 4 KiB of what a worker wrote for people, as the end of a sentence: "; its last words: ...", or "".
[[nodiscard]] std::string last_words(const std::string& text);

} // namespace miraclemax::worker
