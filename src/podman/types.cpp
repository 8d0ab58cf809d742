#include "podman/types.hpp"

namespace miraclemax::podman {

const char* name_of(State state) {
    switch (state) {
    case State::created:
        return "created";
    case State::initialized:
        return "initialized";
    case State::running:
        return "running";
    case State::paused:
        return "paused";
    case State::stopping:
        return "stopping";
    case State::stopped:
        return "stopped";
    case State::exited:
        return "exited";
    case State::removing:
        return "removing";
    case State::unknown:
        break;
    }
    return "unknown";
}

} // namespace miraclemax::podman
