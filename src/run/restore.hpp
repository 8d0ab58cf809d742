// One restore, from the plan to containers that run on the new data; and its way back.
#pragma once

#include "archive/unpack.hpp"
#include "error.hpp"
#include "run/context.hpp"
#include "run/health.hpp"
#include "run/restore_plan.hpp"

namespace miraclemax::run {

struct RestoredItem {
    std::string component, id; // id: of the backup
    archive::Unpacked unpacked;
    std::vector<std::string> left_in_place; // mount points within the component: not swapped
    std::string failure, remedy;            // not empty: the component is as it was
    std::string safety{};                   // restored in place: id of the backup that holds its old data
    bool put_back = false; // in place, with a failure: it holds its old data again, out of that backup
    [[nodiscard]] bool ok() const { return failure.empty(); }
};

struct RestoreResult {
    std::string run;
    std::vector<RestoredItem> items;
    std::vector<quiesce::FreezeReport> downtimes; // one a group
    std::vector<Health> health;
    std::vector<std::string> unreleased; // sentences about containers that are not as they were
    bool rolled_back = false;            // unhealthy, and undone as was asked
    ExitCode code = ExitCode::ok;        // incomplete, unhealthy, not_released, damaged …
};

// What a restore tells while it goes on. Called from one thread; must not throw.
class RestoreObserver {
public:
    virtual ~RestoreObserver() = default;
    virtual void examining(const std::string& id, std::uint64_t bytes, std::uint64_t of) = 0;
    virtual void unpacking(const RestoreItem& item, const archive::Unpacked& so_far) = 0;
    virtual void unpacked(const RestoreItem& item, const archive::Unpacked& all) = 0;
    virtual void stopping(const std::string& group, const std::vector<std::string>& containers) = 0;
    virtual void started(const std::string& group, const quiesce::FreezeReport& report) = 0;
    virtual void health(const Health& health) = 0;
};

// The archives of a plan, proven: signature, layout, sha256 of everything that is to be read. Throws Error
// (damaged, untrusted) naming the fault, and what can be restored instead; nothing was touched then.
// `ask_the_disk`: else what the page cache holds will do, which is what is restored next.
void prove(const Context& context, RestoreObserver& observer, const RestorePlan& plan, const Trust& trust,
           bool ask_the_disk = false);

// Decrypts and reads all archives of a plan and compares them with their inventories; stores nothing.
RestoreResult rehearse_all(const Context& context, RestoreObserver& observer, const RestorePlan& plan,
                           const PrivateKeys& keys, const RestoreRequest& request);

// Carries the plan out, group by group. A group fails as a whole, and is then as it was; the others go on.
// Throws Error for what ends the run: interrupted, podman, busy; every container is released then, or its
// journal entry is there for `recover`. The backup folder's lock is held by the caller.
RestoreResult restore(const Context& context, RestoreObserver& observer, RestorePlan plan,
                      const PrivateKeys& keys, const RestoreRequest& request);

} // namespace miraclemax::run
