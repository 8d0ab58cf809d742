#include "run/recover.hpp"

#include "worker/launcher.hpp"

namespace miraclemax::run {

Recovery recover(const Settings& settings, podman::Engine& engine) {
    Recovery recovery{.containers = quiesce::recover(engine, settings.journals()), .workers = {}};
    recovery.workers = worker::sweep_workers(engine, settings.instance, [&](const std::string& run) {
        return quiesce::alive(settings.journals(), run);
    });
    return recovery;
}

} // namespace miraclemax::run
