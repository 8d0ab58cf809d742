// Three ways to follow a run: bars on a terminal, one line a step elsewhere, JSON events with --json.
#pragma once

#include "run/observer.hpp"

#include <iosfwd>
#include <memory>

namespace miraclemax::cli {

enum class Form { bars, lines, json };

// Thread-safe. Writes to `out` (borrowed); bars redraw their lines in place and leave plain lines behind.
std::unique_ptr<run::Observer> observe(Form form, std::ostream& out);

} // namespace miraclemax::cli
