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
};

// Thread-safe where it says so.
class Timekeeper {
public:
    using Say = std::function<void(const std::string& line)>;
    // Carries one job out; what it throws is told.
    using Run = std::function<void(const DueRun& due)>;

    // memory: the file that remembers what had its run. Unreadable: it begins afresh, and says so.
    Timekeeper(std::filesystem::path memory, Plans plans, Say say);

    // Runs what is due now. One thread.
    void round(const Now& now, const Run& run);
    // Other plans from now on. Any thread.
    void replace(Plans plans);
    // By job, where it has a next time. Any thread.
    [[nodiscard]] std::map<std::string, std::chrono::system_clock::time_point> next_runs() const;

private:
    void remember();

    const std::filesystem::path memory_;
    const Say say_;
    mutable std::mutex mutex_;
    Plans plans_;
    Schedule schedule_;
};

} // namespace miraclemax::serve
