// One round through the outbox: which messages are due on which channel, tried, and what came of it written
// down.
#pragma once

#include "telemetry/waiting.hpp"

namespace miraclemax::telemetry {

class OutboxRound {
public:
    // Borrows everything; `folder` is locked by the caller.
    OutboxRound(const std::filesystem::path& folder, const std::vector<Channel>& channels,
                const Outbox::Deliver& deliver, Time now, const std::stop_token& stop,
                std::vector<std::string>& told);
    void run(); // throws Error when the folder can't be written to

private:
    void guarded(const std::function<void()>& act);
    void drop_unknown_channels();
    void serve(const Channel& channel);
    enum class Came { through, refused, stopped };
    Came attempt(const Channel& channel, Waiting& waiting);
    void begin_try(Tries& tries) const;
    // Why it could not be delivered; nullopt: it was.
    [[nodiscard]] std::optional<std::string> trouble_of(const Channel& channel, const Message& message) const;
    void hold(Waiting& waiting, const std::string& channel) const;
    void note_failure(const Channel& channel, Waiting& waiting, const std::string& what);
    void leave(Waiting& waiting, const std::string& channel); // the channel is done with it
    [[nodiscard]] bool is_due(const Tries& tries) const;

    const std::filesystem::path& folder_;
    const std::vector<Channel>& channels_;
    const Outbox::Deliver& deliver_;
    Time now_;
    const std::stop_token& stop_;
    std::vector<std::string>& told_;
    std::vector<Waiting> waiting_;
    Counts counts_;
};

} // namespace miraclemax::telemetry
