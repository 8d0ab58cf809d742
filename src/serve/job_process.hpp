// A planned run as a process of its own: the same as one that a person starts by `podman exec`.
#pragma once

#include <chrono>
#include <stop_token>
#include <string>
#include <vector>

namespace miraclemax::serve {

// How it ended: its exit code, or 128 and the signal's number; and the last lines that it wrote to stderr and
// stdout, which go to this process's stdout too.
struct Ended {
    int code = 0;
    std::vector<std::string> last_lines; // at most 20
};

// Starts argv (argv[0] is the program's path) without a shell, waits for it. When stop is requested it gets
// SIGTERM, and is not waited for longer than `grace`: serve's leaving takes care of the rest. Throws Error
// (failed) when it can't be started.
Ended run_job(const std::vector<std::string>& argv, const std::stop_token& stop,
              std::chrono::milliseconds grace);

} // namespace miraclemax::serve
