// Who uses half-moved data, stopped while it is put in order.
#pragma once

#include "run/host.hpp"
#include "run/restore_plan.hpp"
#include "run/restore_record.hpp"

#include "quiesce/window.hpp"

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

namespace miraclemax::run {

[[nodiscard]] bool any_half_moved(const std::vector<RestoreRecord>& records);
// By id: who uses data that is half moved, or empty, in any of the records; and who needs one of them: podman
// starts what a container needs with it. None of them may be started.
[[nodiscard]] std::set<std::string> users_of_half_moved(const std::vector<RestoreRecord>& records,
                                                        const Host& host);

// What is stopped is journaled under a run of its own, which the record names first: should this process be
// killed, the next recovery starts them, but not before the data is settled. All that is handed in must
// outlive it. Used by one thread.
class SettlingWindow {
public:
    // From here to end() nobody uses the data of these members. Throws Error naming who does, where they
    // can't be stopped, or were often enough in vain: then they are as they were.
    SettlingWindow(const Settings& settings, podman::Engine& engine, const Host& host,
                   RestoreRecords& records, RestoreRecord& record, const std::vector<std::string>& members,
                   const std::stop_token& stop);
    ~SettlingWindow();
    SettlingWindow(const SettlingWindow&) = delete;
    SettlingWindow& operator=(const SettlingWindow&) = delete;

    // Starts them. Where a member, or another that was restored together with one, is not settled, they stay
    // stopped, and in the journal, for the next recovery; where one of them uses data of another group that
    // is not, that recovery starts the others. What is to be told beside; empty: nobody was stopped.
    std::string end();

private:
    using Names = std::vector<std::string>;

    void halt(const Settings& settings, podman::Engine& engine, const RestoreGroup& group, const Host& now,
              const std::stop_token& stop);
    void mark(const std::string& run);
    void unmark(const std::string& run) noexcept;
    void forget_marks() noexcept;
    void drop_marks(const std::function<void(Names&)>& drop) noexcept;
    void change_marks(const std::function<void(Names&)>& change);
    [[nodiscard]] std::size_t tried() const;
    [[nodiscard]] bool settled() const;
    [[nodiscard]] Names waiting() const;

    RestoreRecords& records_;
    RestoreRecord& record_;
    Names group_; // the members, and all that were restored together with them
    std::string users_;
    std::map<std::string, std::string> stopped_; // names by id
    Host host_;                                  // when they were
    std::unique_ptr<quiesce::Journal> journal_;
    std::unique_ptr<quiesce::Window> window_;
};

} // namespace miraclemax::run
