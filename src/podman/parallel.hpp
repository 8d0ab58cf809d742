// Many calls at a time, as one.
#pragma once

#include <cstddef>
#include <functional>

namespace miraclemax::podman {

// Calls act(0) to act(count - 1), up to 8 at a time, and waits for all. What one throws is thrown in the end;
// none is begun after that.
void in_parallel(std::size_t count, const std::function<void(std::size_t)>& act);

} // namespace miraclemax::podman
