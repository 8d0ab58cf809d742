#include "worker/remote_worker.hpp"

namespace miraclemax::worker {

namespace {

// A worker that reads has nothing to put in order: what it made is removed with its folder.
constexpr std::chrono::milliseconds no_grace{0};

std::function<void(const Reply&)> told(const Progress& progress) {
    return [&progress](const Reply& reply) {
        const auto* tally = std::get_if<archive::Tally>(&reply);
        if (tally != nullptr && progress)
            progress(*tally);
    };
}

} // namespace

RemoteWorker::RemoteWorker(Order order, std::unique_ptr<WorkerProcess> process, Limits limits)
    : order_(std::move(order)),
      conversation_("the worker of component " + order_.job.component, std::move(process), limits, no_grace) {
}

void RemoteWorker::wait_ready(const std::stop_token& stop) {
    const auto wait = conversation_.open(stop);
    conversation_.tell(order_);
    // Not needed any more: the less memory holds secrets, the better.
    order_.job.passphrase.clear();
    order_.job.keyring.clear();
    conversation_.expect<Ready>(wait);
}

void RemoteWorker::go() {
    conversation_.tell(Go{});
}

void RemoteWorker::wait_read(const Progress& progress, const Deadline& deadline,
                             const std::stop_token& stop) {
    auto wait = conversation_.patiently("everything was read", stop);
    wait.progress = told(progress);
    wait.deadline = deadline;
    conversation_.expect<Read>(wait);
}

Outcome RemoteWorker::finish(const Progress& progress, const std::stop_token& stop) {
    auto wait = conversation_.patiently("its files were complete", stop);
    wait.progress = told(progress);
    return conversation_.expect<Outcome>(wait);
}

} // namespace miraclemax::worker
