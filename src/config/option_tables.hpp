// Within src/config only: the parts of the table of options.
#pragma once

#include "config/options.hpp"

namespace miraclemax::config {

std::vector<Option> keeping_options(); // retention, restore
std::vector<Option> serving_options(); // schedule, http, metrics

} // namespace miraclemax::config
