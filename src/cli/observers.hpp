// Three ways to follow a run: bars on a terminal, one line a step elsewhere, JSON events with --json.
#pragma once

#include "run/observer.hpp"

#include <functional>
#include <iosfwd>
#include <memory>

namespace miraclemax::cli {

enum class Form { bars, lines, json };

// Thread-safe. Writes to `out` (borrowed); bars redraw their lines in place and leave plain lines behind.
// Progress is left out while `takes_more` says no.
std::unique_ptr<run::Observer> observe(Form form, std::ostream& out, std::function<bool()> takes_more);

} // namespace miraclemax::cli
