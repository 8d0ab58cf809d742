// Which components of a restore have no room for the old data and the new, and whether they can be restored
// in place, where that is asked for.
#pragma once

#include "run/context.hpp"
#include "run/restore_plan.hpp"

namespace miraclemax::run {

// `host`: what the plan was made for. Refuses (destination) the items of a plan that have no room for both,
// once those before them are restored. With --in-place it marks them (RestoreItem::in_place), and refuses
// those whose old data could not be backed up first. Where the room can't be told, and where a run that was
// cut off may take it, the item goes on: the unpacking looks again. Starts a settler for each place that is
// there and that this process can't see. Throws Error (interrupted, podman, failed).
void find_room(const Context& context, const Host& host, RestorePlan& plan, const RestoreRequest& request);
[[nodiscard]] bool any_in_place(const RestorePlan& plan);
// The safety backup has to be opened: to prove it, and to put the old data back. Throws Error (key).
void require_safety_keys(const RestorePlan& plan, const PrivateKeys& keys);

} // namespace miraclemax::run
