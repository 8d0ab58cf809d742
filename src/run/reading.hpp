// The workers of one group, side by side.
#pragma once

#include "error.hpp"
#include "run/context.hpp"
#include "run/keys.hpp"
#include "run/plan.hpp"

#include "store/backup_folder.hpp"
#include "worker/launcher.hpp"

#include <mutex>

namespace miraclemax::run {

// One component while it is read. Its first failure stays; later steps pass it by.
struct Reading {
    PlannedComponent planned;
    std::unique_ptr<worker::Worker> worker;
    worker::Job job;
    std::optional<worker::Outcome> outcome;
    std::optional<Error> failure;
    std::chrono::system_clock::time_point began;
    [[nodiscard]] bool going() const { return !failure; }
};

// Used by one thread; runs one thread a component inside. A component's failure is kept in its Reading; Error
// (interrupted) is thrown on.
class Readings {
public:
    Readings(const Context& context, const std::string& run, const Host& host, const Keys& keys,
             store::Partial& partial);

    // Until every worker is ready. `frozen`: containers will stand still while they read.
    void launch(const std::vector<PlannedComponent>& members, bool frozen);
    void read(const worker::Deadline& deadline); // the writers stand still
    void finish();                               // the writers may go on
    void abandon();                              // ends the workers, forgets what they wrote

    [[nodiscard]] std::vector<Reading>& all() { return readings_; }
    [[nodiscard]] bool any_going() const;

private:
    void each(const std::function<void(Reading&)>& step);
    void launch_one(Reading& reading);

    const Context& context_;
    const std::string& run_;
    const Host& host_;
    const Keys& keys_;
    store::Partial& partial_;
    unsigned threads_ = 1; // of each worker
    bool frozen_ = false;
    std::vector<Reading> readings_;
};

} // namespace miraclemax::run
