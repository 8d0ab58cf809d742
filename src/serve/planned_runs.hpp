// Carries planned runs out, and knows what they printed.
#pragma once

#include "catalog/run_record.hpp"
#include "serve/sidecar.hpp"
#include "serve/timekeeper.hpp"

#include <mutex>

namespace miraclemax::serve {

class PlannedRuns {
public:
    // Borrows the sidecar.
    explicit PlannedRuns(const Sidecar& sidecar) : sidecar_(sidecar) {}

    // One try. One thread.
    Came run(const DueRun& due, const std::filesystem::path& records, const std::stop_token& stop);

    // What the process of this planned run (its time as records have it) printed last, line by line, as long
    // as it is not over; nullopt: it goes on, so there is more to come. Any thread.
    [[nodiscard]] std::optional<std::string> printed(const std::string& job,
                                                     const std::string& planned) const;
    // Records of runs that have kept none, and that could not be written: write_down() tries again. Any
    // thread.
    [[nodiscard]] std::vector<catalog::RunRecord> unwritten() const;
    void write_down(const std::filesystem::path& records);
    // How many have ended. Any thread.
    [[nodiscard]] unsigned ended() const;

private:
    struct Output {
        std::string job, planned, lines;
    };
    class Going; // from its begin to its end, however it ends
    [[nodiscard]] Ended start(const DueRun& due, const std::string& planned,
                              const std::stop_token& stop) const;
    void record_if_none(const std::string& job, const std::string& planned, const Ended& ended,
                        const std::filesystem::path& records);
    void keep_output(const std::string& job, const std::string& planned, const Ended& ended);

    const Sidecar& sidecar_;
    std::string announced_;    // the planning thread's
    mutable std::mutex mutex_; // guards the rest
    std::optional<Output> going_on_;
    std::vector<Output> outputs_; // the latest last
    std::vector<catalog::RunRecord> unwritten_;
    std::string unwritten_told_;
    unsigned ended_ = 0;
};

} // namespace miraclemax::serve
