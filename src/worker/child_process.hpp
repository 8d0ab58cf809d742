// A child process that can't outlive its owner, and what it wrote to stdout and stderr.
#pragma once

#include "stream/file.hpp"

#include <chrono>
#include <string>
#include <vector>

#include <sys/types.h>

namespace miraclemax::worker {

// Started without a shell, in a process group of its own (a terminal's Ctrl-C is the controller's affair),
// with no signal blocked or ignored, an environment of PATH, TZ and LANG alone, `handed` as its descriptor 3
// and no other. The destructor kills the group and reaps the child. One thread.
class ChildProcess {
public:
    ChildProcess(const std::vector<std::string>& argv, stream::Descriptor handed);
    ~ChildProcess();
    ChildProcess(const ChildProcess&) = delete;
    ChildProcess& operator=(const ChildProcess&) = delete;

    void drain() noexcept; // takes what it wrote so far; never waits
    // Waits until it has ended by itself, at most that long.
    void let_end(std::chrono::milliseconds within) noexcept;
    // Kills it if need be and reaps it: "ended with exit code 1", "was killed by signal 9", and its last
    // words.
    [[nodiscard]] std::string autopsy();

private:
    bool reap() noexcept; // within a second
    void end() noexcept;

    pid_t pid_ = -1;
    stream::Descriptor handle_; // pidfd: a number alone might be another's by now
    stream::Descriptor output_;
    std::string words_;
    bool reaped_ = false;
    std::string ending_ = "ended";
};

} // namespace miraclemax::worker
