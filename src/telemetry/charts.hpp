// Small charts as SVG elements for the status page: no script, no style attribute, a title each.
#pragma once

#include "telemetry/status.hpp"

#include <functional>
#include <string>

namespace miraclemax::telemetry {

enum class Icon { good, bad, warning, none };
[[nodiscard]] std::string icon(Icon icon, const std::string& title);

// A line over the points, oldest left, from 0 up; runs that failed are crosses. Empty where there are not
// two.
[[nodiscard]] std::string sparkline(const std::string& what, const std::vector<Point>& points,
                                    const std::function<double(const Point&)>& value,
                                    const std::function<std::string(double)>& text);
// How much of a whole is taken: part of 1.
[[nodiscard]] std::string gauge(const std::string& title, double part);

} // namespace miraclemax::telemetry
