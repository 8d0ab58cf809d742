// A worker that was started, whatever it does: how the connection to it comes about, and how it ended.
#pragma once

#include "podman/engine.hpp"
#include "stream/file.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <string>

namespace miraclemax::openpgp {
class Home;
}

namespace miraclemax::worker {

// Used by one thread. The destructor ends it and leaves nothing behind; the connection is closed before.
class WorkerProcess {
public:
    using Clock = std::chrono::steady_clock;

    WorkerProcess() = default;
    WorkerProcess(const WorkerProcess&) = delete;
    WorkerProcess& operator=(const WorkerProcess&) = delete;
    virtual ~WorkerProcess() = default;
    // The connected socket. Throws Error when none came until `end`, and what `check` throws, which is called
    // about every 100 ms. `name` is for messages.
    virtual stream::Descriptor connect(const std::string& name, const std::function<void()>& check,
                                       Clock::time_point end) = 0;
    // Called about every 100 ms while somebody waits for its words.
    virtual void attend() {}
    // How it ended, and its last words: "was killed by signal 9", for a connection that closed.
    virtual std::string autopsy() = 0;
    // Waits until it has ended by itself, at most that long.
    virtual void let_end(std::chrono::milliseconds within) noexcept = 0;
};

// A child of this process, with that throwaway home (or none), which goes after it: made here and not by the
// worker, so that nothing is left of it when the worker is killed.
std::unique_ptr<WorkerProcess> child_process(const std::string& program, std::unique_ptr<openpgp::Home> home);
// A controller that gave up its capabilities is no stronger than its worker, which could write into its
// memory
// (/proc/PID/mem) and act as it does. What is not dumpable can't be opened so (ptrace(2)). Throws Error
// (failed).
void shield_from_children();

// The last 4 KiB of what a worker wrote for people, as the end of a sentence: "; its last words: ...", or "".
[[nodiscard]] std::string last_words(const std::string& text);

} // namespace miraclemax::worker
