// A worker that reads, as its controller sees it.
#pragma once

#include "worker/conversation.hpp"

namespace miraclemax::worker {

class RemoteWorker : public Worker {
public:
    RemoteWorker(Order order, std::unique_ptr<WorkerProcess> process, Limits limits);
    void wait_ready(const std::stop_token& stop) override;
    void go() override;
    void wait_read(const Progress& progress, const Deadline& deadline, const std::stop_token& stop) override;
    Outcome finish(const Progress& progress, const std::stop_token& stop) override;

private:
    Order order_;
    Conversation conversation_;
};

} // namespace miraclemax::worker
