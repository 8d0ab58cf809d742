#include "run/recover.hpp"

#include "error.hpp"
#include "run/identity.hpp"
#include "worker/launcher.hpp"

namespace miraclemax::run {

Recovery recover(const Settings& settings, podman::Engine& engine) {
    Recovery recovery{.containers = quiesce::recover(engine, settings.journals()), .workers = {}};
    try {
        recovery.workers = worker::sweep_workers(engine, identity(settings), [&](const std::string& run) {
            return quiesce::alive(settings.journals(), run);
        });
    } catch (const Error& error) {
        recovery.containers.warnings.push_back(std::string("a left-over worker could not be removed: ") +
                                               error.what());
    }
    return recovery;
}

} // namespace miraclemax::run
