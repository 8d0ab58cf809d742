// RESTORE.txt: what is said and done for one component. Internal to catalog.
#pragma once

#include "catalog/manifest.hpp"

#include <string>

namespace miraclemax::catalog {

// `number` of the heading. Every command stands on lines that begin with four spaces (README's promise).
[[nodiscard]] std::string restore_steps(const ComponentRecord& component, std::size_t number);

} // namespace miraclemax::catalog
