#include "quiesce/hook.hpp"

#include "error.hpp"

#include <fmt/format.h>

namespace miraclemax::quiesce {

namespace {

// Printable, on one line.
std::string tail_of(const std::string& output) {
    constexpr std::size_t most = 400;
    std::string tail = output.substr(output.size() > most ? output.size() - most : 0);
    while (!tail.empty() && static_cast<unsigned char>(tail.back()) <= ' ')
        tail.pop_back();
    for (char& byte : tail)
        if (byte == '\n')
            byte = ' ';
        else if (static_cast<unsigned char>(byte) < ' ' || byte == '\x7f')
            byte = '?';
    return tail;
}

} // namespace

void run_hook(podman::Engine& engine, const std::string& which, const Entry& entry,
              const std::vector<std::string>& argv) {
    const auto result = engine.exec(entry.id, argv, entry.hook_timeout);
    if (result.exit_code != 0)
        throw Error(ExitCode::failed, fmt::format("{}-hook of {} ended with {}: {}", which, entry.name,
                                                  result.exit_code, tail_of(result.output)));
}

std::optional<std::string> run_after_hook(podman::Engine& engine, const Entry& entry) {
    if (entry.after.empty())
        return std::nullopt;
    try {
        run_hook(engine, "after", entry, entry.after);
        return std::nullopt;
    } catch (const std::exception& error) {
        return error.what();
    }
}

} // namespace miraclemax::quiesce
