// What the sidecar does again and again beside looking after freezes: a round of planned runs, and a round of
// telling how it is. Without threads, and on the sidecar's clock.
#pragma once

#include "serve/copies.hpp"
#include "serve/planned_runs.hpp"
#include "serve/sidecar.hpp"
#include "serve/status_desk.hpp"
#include "serve/teller.hpp"

#include <set>

namespace miraclemax::serve {

class Upkeep {
public:
    // Borrows the sidecar.
    Upkeep(const Sidecar& sidecar, Standing standing);

    // The configuration if it is to be read anew, then what is due; lasts as long as the run. One thread,
    // about each second.
    void plan(const std::stop_token& stop);
    // Replications that are due; lasts as long as one. One thread, about each second.
    void copy(const std::stop_token& stop);
    // What people should hear of, as far as it can be delivered now. One thread, every few seconds.
    void tell(const std::stop_token& stop);
    // Any thread.
    [[nodiscard]] Page page(const std::string& path);
    [[nodiscard]] Standing standing() const;

private:
    [[nodiscard]] StatusDesk::View view() const;
    void reload();
    void tell_once(const std::stop_token& stop);
    std::vector<std::string> tell_news(const Standing& now, telemetry::Outbox& outbox);
    void write_textfile(const std::filesystem::path& path, const telemetry::Status& status);
    void say_new(const std::vector<std::string>& troubles, std::set<std::string>& before) const;

    const Sidecar& sidecar_;
    mutable std::mutex mutex_; // guards the next three
    Standing standing_;
    telemetry::NotificationStatus notifications_;
    std::optional<telemetry::Time> since_;
    Timekeeper keeper_;
    PlannedRuns runs_;
    Copies copies_;
    StatusDesk desk_;
    unsigned seen_hangups_ = 0; // the planning thread's
    // The telling thread's:
    Teller teller_;
    std::optional<std::chrono::steady_clock::time_point> looked_;
    std::filesystem::file_time_type runs_written_{};
    unsigned runs_ended_ = 0;
    std::set<std::string> news_troubles_, round_troubles_;
    std::string textfile_trouble_;
};

} // namespace miraclemax::serve
