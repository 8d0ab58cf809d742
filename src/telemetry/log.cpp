#include "telemetry/log.hpp"

#include "telemetry/escaping.hpp"

#include <nlohmann/json.hpp>
#include <spdlog/logger.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/sinks/ringbuffer_sink.h>

namespace miraclemax::telemetry {
namespace {

constexpr std::size_t kept = 20;

spdlog::level::level_enum level_of(LogLevel level) {
    switch (level) {
    case LogLevel::debug:
        return spdlog::level::debug;
    case LogLevel::info:
        return spdlog::level::info;
    case LogLevel::warning:
        return spdlog::level::warn;
    case LogLevel::error:
        return spdlog::level::err;
    }
    return spdlog::level::info;
}

} // namespace

std::optional<LogLevel> log_level_from(std::string_view word) {
    if (word == "debug")
        return LogLevel::debug;
    if (word == "info")
        return LogLevel::info;
    if (word == "warning")
        return LogLevel::warning;
    if (word == "error")
        return LogLevel::error;
    return std::nullopt;
}

std::optional<LogFormat> log_format_from(std::string_view word) {
    if (word == "text")
        return LogFormat::text;
    if (word == "json")
        return LogFormat::json;
    return std::nullopt;
}

// Two loggers, since the two sinks are given different words.
struct Log::Sinks {
    Sinks(std::ostream& out, LogFormat wanted)
        : ring(std::make_shared<spdlog::sinks::ringbuffer_sink_mt>(kept)),
          written("miraclemax", std::make_shared<spdlog::sinks::ostream_sink_mt>(out, true)),
          remembered("miraclemax", ring), format(wanted) {
        static constexpr const char* text = "%Y-%m-%dT%H:%M:%S%z %l %v";
        written.set_pattern(format == LogFormat::json
                                ? R"({"time":"%Y-%m-%dT%H:%M:%S.%e%z","level":"%l","message":%v})"
                                : text);
        remembered.set_pattern(text);
        remembered.set_level(spdlog::level::debug);
        written.flush_on(spdlog::level::trace);
        // A stream that is gone must not end a backup, nor be told on the stream that is gone.
        written.set_error_handler([](const std::string&) {});
        remembered.set_error_handler([](const std::string&) {});
    }

    std::shared_ptr<spdlog::sinks::ringbuffer_sink_mt> ring;
    spdlog::logger written, remembered;
    LogFormat format;
};

Log::Log(std::ostream& out, LogFormat format, LogLevel least) : sinks_(std::make_unique<Sinks>(out, format)) {
    sinks_->written.set_level(level_of(least));
}

Log::~Log() = default;
Log::Log(Log&&) noexcept = default;
Log& Log::operator=(Log&&) noexcept = default;

void Log::say(LogLevel level, std::string_view line) noexcept {
    try {
        const auto clean = one_line(line);
        const auto words = sinks_->format == LogFormat::json ? nlohmann::json(clean).dump() : clean;
        sinks_->written.log(level_of(level), spdlog::string_view_t(words.data(), words.size()));
        sinks_->remembered.log(level_of(level), spdlog::string_view_t(clean.data(), clean.size()));
    } catch (const std::exception&) { // out of memory: nothing can be said
        return;
    }
}

std::string Log::last() const {
    std::string all;
    for (const auto& line : sinks_->ring->last_formatted())
        all += line;
    return all;
}

} // namespace miraclemax::telemetry
