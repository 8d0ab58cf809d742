// What a dead restore or undo was moving is finished or taken back, so that a group is of one moment.
#pragma once

#include "run/host.hpp"
#include "run/restore_record.hpp"

#include <stop_token>
#include <string>
#include <vector>

namespace miraclemax::run {

// A component whose restore was cut off.
struct Settled {
    std::string run, component;
    std::string what; // "holds the old data", "holds the new data", or why it could not be settled
    bool ok = true;
    bool holds_nobody_up = false; // with a trouble of its own, that is no reason for others not to run
};

// Group by group, the living runs' left alone. Who uses one is stopped for it, and started again; once `stop`
// is requested nobody is stopped any more. One that can't be settled, or whose users can't be stopped, is
// told, and tried again by the next call. For one process at a time (RestoreRecords::lock). `alive`: asked
// again, it has to answer what it answered when the dead runs' workers were removed.
std::vector<Settled> settle_cut_off(const Settings& settings, podman::Engine& engine, const Host& host,
                                    RestoreRecords& records, std::vector<RestoreRecord> cut_off,
                                    const Alive& alive, const std::stop_token& stop = {});
// Of all, where that lock is another's.
[[nodiscard]] Settled in_other_hands();

} // namespace miraclemax::run
