// How much room there is where a component is to be restored to, before anything is made there.
#pragma once

#include "run/execution.hpp"
#include "run/restore_plan.hpp"

#include "archive/staging.hpp"

namespace miraclemax::run {

// podman's first mount of a volume spends what an image would copy into it; and it is empty.
[[nodiscard]] bool never_mounted(const Host& host, const component::Source& source);

// One thread. Begins a run, for its settlers, with the first place that needs one.
class RestoreRoom {
public:
    RestoreRoom(const Context& context, const Host& host) : context_(context), host_(host) {}
    ~RestoreRoom();
    RestoreRoom(const RestoreRoom&) = delete;
    RestoreRoom& operator=(const RestoreRoom&) = delete;

    // nullopt: it can't be told; the unpacking looks again. Throws Error (interrupted).
    [[nodiscard]] std::optional<archive::Space> at(const RestoreItem& item, const RestoreRequest& request);

private:
    [[nodiscard]] std::optional<archive::Space> of_volume_store(const RestoreItem& item) const;
    [[nodiscard]] std::optional<archive::Space> by_settler(const RestoreItem& item);

    const Context& context_;
    const Host& host_;
    std::optional<Execution> execution_;
};

} // namespace miraclemax::run
