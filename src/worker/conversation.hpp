// The controller's side of the conversation with a worker, whatever that one does and however it was started.
#pragma once

#include "worker/channel.hpp"
#include "worker/launcher.hpp"
#include "worker/protocol.hpp"
#include "worker/worker_process.hpp"

#include <functional>
#include <optional>

namespace miraclemax::worker {

// One thread. All waits throw Error, as Worker's do (launcher.hpp).
class Conversation {
public:
    using Clock = WorkerProcess::Clock;
    struct Wait {
        std::function<void(const Reply&)> progress{}; // takes Tally and Unpacking
        Deadline deadline{};
        std::chrono::milliseconds silence;
        std::chrono::milliseconds standstill;
        const char* for_what; // "it was ready", to end a sentence with
        const std::stop_token& stop;
    };

    // `name` is "the worker of component n8n". A worker that has something to put in order when its
    // controller hangs up has `grace` for it, and is ended then.
    Conversation(std::string name, std::unique_ptr<WorkerProcess> process, Limits limits,
                 std::chrono::milliseconds grace);
    ~Conversation();
    Conversation(const Conversation&) = delete;
    Conversation& operator=(const Conversation&) = delete;

    // Connects and hears its Hello; and the Wait for more until it is ready.
    Wait open(const std::stop_token& stop);
    void tell(const Request& request, const std::vector<stream::Descriptor>& descriptors = {});
    // The next reply that is neither heartbeat nor progress must be this one.
    template<class Expected> Expected expect(const Wait& wait) {
        Reply reply = next_of_all(wait);
        if (auto* expected = std::get_if<Expected>(&reply))
            return std::move(*expected);
        throw out_of_turn();
    }
    // A wait without an end, but for what hangs.
    [[nodiscard]] Wait patiently(const char* for_what, const std::stop_token& stop) const;

private:
    Reply next(const Wait& wait);
    Reply next_of_all(const Wait& wait); // an Error too, where memory ends
    void check_stop(const std::stop_token& stop) const;
    [[nodiscard]] Error died();
    [[nodiscard]] Error out_of_turn() const;

    std::string name_;
    Limits limits_;
    std::chrono::milliseconds grace_;
    Clock::time_point launched_ = Clock::now();
    std::unique_ptr<WorkerProcess> process_;
    std::optional<Channel> channel_;
    std::uint64_t moved_ = 0; // what the last heartbeat said
};

} // namespace miraclemax::worker
