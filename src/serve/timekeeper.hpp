// Starts the planned runs, each once, one at a time.
#pragma once

#include "serve/job_process.hpp"
#include "serve/schedule.hpp"

#include <filesystem>
#include <functional>
#include <mutex>

namespace miraclemax::serve {

struct Plans {
    std::vector<Job> jobs;
    bool catch_up = true;
    std::string seed; // of this host
    // Replications: a lane of their own, since a dead network share may hang one for as long as it likes.
    std::vector<Job> copies{};
    bool copy_after_backup = false;
};

// What came of a try to run a job. busy: it could not begin, since another run is going on. cut_off: it was
// ended from outside, since the sidecar stops.
enum class Came { ended, busy, cut_off };

// Thread-safe where it says so.
class Timekeeper {
public:
    using Say = std::function<void(const std::string& line)>;
    // Carries one job out; what it throws is told, and ends it.
    using Run = std::function<Came(const DueRun& due)>;

    // memory: the file that remembers what had its run. Unreadable: it begins afresh, and says so.
    Timekeeper(std::filesystem::path memory, Plans plans, Say say);

    // Runs what is due now. One that is busy is tried again after 2 seconds, later each minute; what is cut
    // off, or still waits when the sidecar ends, is due again at its next start. One thread.
    void round(const Now& now, const Run& run);
    // Other plans from now on. Any thread.
    void replace(Plans plans);
    // By job, where it has a next time. Any thread.
    [[nodiscard]] std::map<std::string, std::chrono::system_clock::time_point>
    next_runs(const Now& now) const;

private:
    struct PutOff {
        std::string job;
        Moment planned;
        std::chrono::seconds pause;
        std::chrono::steady_clock::time_point until;
    };
    void remember();
    [[nodiscard]] Came attempt(const DueRun& due, const Run& run) const;
    void note(const DueRun& due, Came came);

    const std::filesystem::path memory_;
    const Say say_;
    mutable std::mutex mutex_;
    Plans plans_;
    Schedule schedule_;
    std::optional<PutOff> put_off_; // the planning thread's
};

} // namespace miraclemax::serve
