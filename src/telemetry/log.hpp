// The log: lines for people or JSON lines for machines, by spdlog.
#pragma once

#include <iosfwd>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace miraclemax::telemetry {

enum class LogLevel { debug, info, warning, error };
enum class LogFormat {
    text, // 2025-10-16T03:00:00+02:00 info the backup begins
    json, // {"time":"2025-10-16T03:00:00.120+02:00","level":"info","message":"the backup begins"}
};
[[nodiscard]] std::optional<LogLevel> log_level_from(std::string_view word);   // "warning"
[[nodiscard]] std::optional<LogFormat> log_format_from(std::string_view word); // "json"

// Any thread. Each line is escaped (telemetry/escaping.hpp: a name can't forge a line), and flushed.
class Log {
public:
    // Borrows the stream, std::cout or std::cerr as a rule.
    Log(std::ostream& out, LogFormat format, LogLevel least);
    ~Log();
    Log(Log&&) noexcept;
    Log& operator=(Log&&) noexcept;

    void say(LogLevel level, std::string_view line) noexcept;
    void say(std::string_view line) noexcept { say(LogLevel::info, line); }
    // The last lines that were said, at most 20, as text with a line end each: for messages about failures.
    [[nodiscard]] std::string last() const;

private:
    struct Sinks;
    std::unique_ptr<Sinks> sinks_;
};

} // namespace miraclemax::telemetry
