// The podman engine as the rest of the program sees it: one typed call for each endpoint.
#pragma once

#include "error.hpp"
#include "podman/types.hpp"

#include <memory>

namespace miraclemax::podman {

// There is no socket, or nobody listens on it. A podman that answers with an error, is slow or forbids is
// there.
class NotThere : public Error {
public:
    using Error::Error;
    explicit NotThere(const Error& error) : Error(error) {}
};

// How long a call that is made of many may take.
struct Limits {
    std::chrono::milliseconds each{0}; // of its parts; 0: as always
    std::chrono::milliseconds all{0};  // together; 0: no limit
};

// Thread-safe: calls may run at the same time (a group is paused in parallel). Every call has a deadline of
// its own and throws Error (ExitCode::podman) with the object's name and podman's own message. "No such
// object" is a value (nullopt) where the return type has room for it, else an Error with ExitCode::not_found.
// A call that timed out may still take effect: read the state anew.
class Engine {
public:
    virtual ~Engine() = default;

    virtual Info info() = 0;
    virtual std::vector<Volume> volumes() = 0;
    virtual std::optional<Volume> volume(const std::string& name) = 0;
    // One that exists already is an Error (podman).
    virtual Volume create_volume(const VolumeSpec& spec) = 0;
    // With all that it holds. One that a container in any state has is an Error (podman).
    virtual void delete_volume(const std::string& name) = 0;
    // All containers in every state, inspected several at a time, sorted by name. One that vanishes meanwhile
    // is left out; one that can't be inspected within the limits is an Error.
    virtual std::vector<Container> containers(const Limits& limits = {}) = 0;
    // Those that carry the label "key=value", inspected.
    virtual std::vector<Container> containers_labelled(const std::string& label) = 0;
    virtual std::optional<Container> container(const std::string& id) = 0;
    virtual bool image_exists(const std::string& image) = 0;

    // pause and unpause are not idempotent in podman: the caller reads the state first.
    virtual void pause(const std::string& id) = 0;
    virtual void unpause(const std::string& id) = 0;
    // "Already so" (304) is success. stop's deadline is its timeout and a margin.
    virtual void stop(const std::string& id, std::chrono::seconds timeout) = 0;
    virtual void start(const std::string& id) = 0;

    // Runs the container's own health check once, as podman's timer does; what comes of it shows in its
    // health. Throws when the deadline passes too; the check then goes on all the same.
    virtual void run_health_check(const std::string& id, std::chrono::milliseconds deadline) = 0;

    virtual std::string create(const ContainerSpec& spec) = 0; // the new id
    virtual void remove(const std::string& id) = 0;            // with force; "no such container" is success
    virtual std::string logs(const std::string& id) = 0;       // the last lines, for messages

    // Runs argv in the container (no shell) and waits. On timeout throws Error (podman).
    virtual ExecResult exec(const std::string& id, const std::vector<std::string>& argv,
                            std::chrono::seconds timeout) = 0;
};

} // namespace miraclemax::podman
