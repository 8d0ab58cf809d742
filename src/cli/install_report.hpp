// An installation, shown.
#pragma once

#include "installation/installation.hpp"

#include <iosfwd>

namespace miraclemax::cli {

void print_installation(const installation::Host& host, const installation::Installation& installation,
                        bool json, std::ostream& out);
// The advice that goes with a new key pair.
void print_key_advice(const installation::Made& made, std::ostream& out);

} // namespace miraclemax::cli
