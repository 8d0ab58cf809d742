// Waits for children that nobody else waits for.
#pragma once

#include <map>
#include <string>

#include <sys/types.h>

namespace miraclemax::serve {

// Process 1 of a container inherits what ended `podman exec` runs leave. Its own children look the same, and
// whoever started one waits for it at once: so only what is still unwaited for a whole round later is reaped.
// Any other process inherits nobody, and reaps nothing.
class Reaper {
public:
    explicit Reaper(bool first_process) : first_process_(first_process) {}
    void round();

private:
    const bool first_process_;
    std::map<pid_t, std::string> seen_; // ended children, with their start times
};

} // namespace miraclemax::serve
