// Kinds of failure, and the exit code that each ends the program with.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace miraclemax {

// The documented exit codes (README, "Exit codes"). A script may rely on them.
enum class ExitCode : int {
    ok = 0,
    failed = 1,        // something that has no code of its own went wrong
    usage = 2,         // the command line is wrong; nothing was done
    incomplete = 3,    // the run ended, but a component is missing, or entries changed or were unreadable
    nothing = 4,       // no volume or path is labelled for backup
    busy = 5,          // another run holds the backup folder
    config = 6,        // configuration or label is wrong
    podman = 7,        // podman's socket can't be reached, or podman refused
    key = 8,           // a key is missing, expired, revoked or unusable
    destination = 9,   // the backup folder, a tier or the place restored to is full, read-only or missing
    not_released = 10, // a container could not be put back as it was
    not_found = 11,    // no such backup or component
    interrupted = 12,  // SIGTERM or Ctrl-C; everything was released
    damaged = 13,      // a backup is not what its manifest says
    untrusted = 14,    // a backup is not signed, or not by a key that is trusted here
    unhealthy = 15,    // restored, but a container did not come up well
};

// A failure with a sentence for the user, and what to do about it (may be empty).
// Context is added once, where the name of the thing is known, by with().
class Error : public std::runtime_error {
public:
    Error(ExitCode code, const std::string& message, std::string remedy = {})
        : std::runtime_error(message), code_(code), remedy_(std::move(remedy)) {}

    [[nodiscard]] ExitCode code() const noexcept { return code_; }
    [[nodiscard]] const std::string& remedy() const noexcept { return remedy_; }
    // Both, as one sentence: "message (remedy)".
    [[nodiscard]] std::string whole() const { return what() + (remedy_.empty() ? "" : " (" + remedy_ + ")"); }
    // The same failure, its message begun with "context: ".
    [[nodiscard]] Error with(std::string_view context) const {
        return {code_, std::string(context) + ": " + what(), remedy_};
    }

private:
    ExitCode code_;
    std::string remedy_;
};

} // namespace miraclemax
