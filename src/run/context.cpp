#include "run/context.hpp"

#include <fmt/format.h>

#include <ctime>
#include <unistd.h>

#include <charconv>

namespace miraclemax::run {
namespace {

using std::chrono::system_clock;

std::string written(const std::tm& time, const char* form) {
    char text[64];
    return {text, std::strftime(text, sizeof text, form, &time)};
}

} // namespace

Host survey(const Context& context) {
    if (!context.no_podman.empty())
        return {.info = {}, .volumes = {}, .containers = {}, .self = {}, .no_podman = context.no_podman};
    return survey(context.engine, context.self_id);
}

std::string local_time(system_clock::time_point moment) {
    const std::time_t seconds = system_clock::to_time_t(moment);
    std::tm local{};
    ::localtime_r(&seconds, &local);
    auto text = written(local, "%Y-%m-%dT%H:%M:%S%z");
    text.insert(text.size() - 2, ":"); // RFC 3339 wants +02:00
    return text;
}

std::string utc_time(system_clock::time_point moment) {
    const std::time_t seconds = system_clock::to_time_t(moment);
    std::tm utc{};
    ::gmtime_r(&seconds, &utc);
    return written(utc, "%Y-%m-%dT%H:%M:%SZ");
}

std::string new_run_name() {
    const auto now = system_clock::now();
    const std::time_t seconds = system_clock::to_time_t(now);
    std::tm utc{};
    ::gmtime_r(&seconds, &utc);
    const auto fine =
        std::chrono::duration_cast<std::chrono::nanoseconds>(now.time_since_epoch()).count() % 1'000'000;
    return fmt::format("{}-{}-{:06}", written(utc, "%Y%m%d-%H%M%S"), ::getpid(), fine);
}

std::optional<int> pid_of_run(const std::string& run) {
    constexpr std::size_t begin = 16; // after "YYYYMMDD-HHMMSS-"
    const auto end = run.find('-', begin);
    if (run.size() <= begin || end == std::string::npos)
        return std::nullopt;
    int pid = 0;
    const auto [rest, trouble] = std::from_chars(run.data() + begin, run.data() + end, pid);
    if (trouble != std::errc() || rest != run.data() + end || pid <= 1)
        return std::nullopt;
    return pid;
}

} // namespace miraclemax::run
