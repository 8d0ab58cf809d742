// Within src/worker only: the worker's side of the conversation, one function for each kind of order. Each
// locks the process down, works, answers, and throws Error for what its controller is told then.
#pragma once

#include "worker/channel.hpp"
#include "worker/protocol.hpp"
#include "worker/restoring.hpp"

#include <chrono>

namespace miraclemax::worker {

void back_up(Channel& channel, const Order& order);
void decrypt(Channel& channel, DecryptOrder order, Streams from, Streams to);
void unpack(Channel& channel, const UnpackOrder& order, Streams from);
void settle(Channel& channel, const SettleOrder& order);

// For a controller that waits for this worker alone to take a line.
constexpr std::chrono::seconds patience{60};
// For one that waits for another worker meanwhile: when it goes away, the heartbeat notices.
constexpr std::chrono::hours long_patience{24};

// The next request. Throws Error (interrupted) when the controller hangs up.
[[nodiscard]] Request next_request(Channel& channel);
void await_go(Channel& channel); // Error for any other request

} // namespace miraclemax::worker
