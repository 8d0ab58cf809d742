// The workers of a restore, as their controller sees them.
#pragma once

#include "worker/conversation.hpp"
#include "worker/restoring.hpp"

namespace miraclemax::worker {

// Each connects and gives its order when it is made: the two ends of a pipe must work at the same time. That
// takes at most Limits::ready.
class RemoteDecryptor : public Decryptor {
public:
    RemoteDecryptor(DecryptOrder order, std::unique_ptr<WorkerProcess> process, Limits limits, Streams from,
                    Streams to);
    void finish(const std::stop_token& stop) override;

private:
    Conversation conversation_;
};

class RemoteUnpacker : public Unpacker {
public:
    RemoteUnpacker(const UnpackOrder& order, std::unique_ptr<WorkerProcess> process, Limits limits,
                   Streams from);
    archive::Unpacked finish(const Told& progress, const std::stop_token& stop) override;
    std::vector<std::string> swap(const std::stop_token& stop) override;
    [[nodiscard]] bool keeps_old() const override { return keeps_old_; }

private:
    bool keeps_old_ = false;
    Conversation conversation_;
};

class RemoteSettler : public Settler {
public:
    RemoteSettler(const SettleOrder& order, std::unique_ptr<WorkerProcess> process, Limits limits);
    archive::Holds finish(const std::stop_token& stop) override;
    [[nodiscard]] archive::Space space() const override { return space_; }
    [[nodiscard]] const std::vector<std::string>& strays() const override { return strays_; }

private:
    archive::Space space_;
    std::vector<std::string> strays_;
    Conversation conversation_;
};

} // namespace miraclemax::worker
