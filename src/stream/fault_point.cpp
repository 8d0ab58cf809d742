#include "stream/fault_point.hpp"

#ifdef MIRACLEMAX_FAULT_POINTS

#include "error.hpp"

#include <atomic>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <string>

#include <fcntl.h>
#include <unistd.h>

namespace miraclemax::stream {

namespace {

struct Plan {
    unsigned long number = 0; // 0: by name
    std::string name;
    std::string act; // empty: none
    std::string log;
    [[nodiscard]] bool idle() const { return act.empty() && log.empty(); }
};

Plan plan_of_environment() {
    Plan plan;
    if (const char* log = std::getenv("MIRACLEMAX_FAULT_LOG")) {
        plan.log = log;
    }
    const char* value = std::getenv("MIRACLEMAX_FAULT");
    if (value == nullptr || *value == '\0') {
        return plan;
    }
    const std::string text = value;
    const std::size_t colon = text.rfind(':');
    plan.name = text.substr(0, colon);
    plan.act = colon == std::string::npos ? "" : text.substr(colon + 1);
    if (plan.act != "error" && plan.act != "kill" && plan.act != "hang") {
        throw Error(ExitCode::usage, "MIRACLEMAX_FAULT=" + text + " is not understood",
                    "NUMBER:error|kill|hang or NAME:error|kill|hang");
    }
    const char* end = plan.name.data() + plan.name.size();
    if (std::from_chars(plan.name.data(), end, plan.number).ptr != end) {
        plan.number = 0;
    }
    return plan;
}

Plan& current_plan() {
    static Plan plan = plan_of_environment();
    return plan;
}

std::atomic<unsigned long> reached{0};

void log_point(const Plan& plan, const char* name) {
    const int fd = ::open(plan.log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0) {
        return;
    }
    const std::string line = std::string(name) + "\n";
    // One write: O_APPEND keeps the lines of several processes apart.
    [[maybe_unused]] const ssize_t written = ::write(fd, line.data(), line.size());
    ::close(fd);
}

} // namespace

void fault_point(const char* name) {
    const Plan& plan = current_plan();
    if (plan.idle()) {
        return;
    }
    const unsigned long count = ++reached;
    if (!plan.log.empty()) {
        log_point(plan, name);
    }
    const bool hit = plan.number > 0 ? plan.number == count : plan.name == name;
    if (plan.act.empty() || !hit) {
        return;
    }
    if (plan.act == "kill") {
        ::raise(SIGKILL);
    }
    while (plan.act == "hang") {
        ::pause();
    }
    throw Error(ExitCode::failed, std::string("fault point ") + name);
}

void reload_fault_plan() {
    current_plan() = plan_of_environment();
    reached = 0;
}

} // namespace miraclemax::stream

#endif
