#include "telemetry/charts.hpp"

#include "telemetry/wording.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace miraclemax::telemetry {
namespace {

constexpr double width = 96, height = 26, margin = 4;

std::string cross(double x, double y) {
    return fmt::format("M{:.1f} {:.1f}l5 5m0 -5l-5 5", x - 2.5, y - 2.5);
}

} // namespace

std::string icon(Icon icon, const std::string& title) {
    const char* shape = R"(<circle cx="8" cy="8" r="6.5" class="o"/><path d="M5 8h6" class="s"/>)";
    const char* kind = "none";
    switch (icon) {
    case Icon::good:
        kind = "good";
        shape = R"(<circle cx="8" cy="8" r="7.5" class="f"/><path d="M4.6 8.3l2.4 2.4l4.4-5" class="k"/>)";
        break;
    case Icon::bad:
        kind = "bad";
        shape = R"(<path d="M5 .8h6l4.2 4.2v6l-4.2 4.2h-6l-4.2-4.2v-6z" class="f"/>)"
                R"(<path d="M5.4 5.4l5.2 5.2m0-5.2l-5.2 5.2" class="k"/>)";
        break;
    case Icon::warning:
        kind = "warn";
        shape = R"(<path d="M8 1.2l7.2 13.2H.8z" class="f"/><path d="M8 6v4.2m0 1.7v.6" class="k"/>)";
        break;
    case Icon::none:
        break;
    }
    return fmt::format(
        R"(<svg class="icon {}" viewBox="0 0 16 16" width="16" height="16" role="img"><title>{}</title>{}</svg>)",
        kind, html(title), shape);
}

std::string sparkline(const std::string& what, const std::vector<Point>& points,
                      const std::function<double(const Point&)>& value,
                      const std::function<std::string(double)>& text) {
    if (points.size() < 2)
        return {};
    double most = 0, least = 0;
    std::size_t good = 0;
    for (const auto& each : points)
        if (each.ok) {
            least = good == 0 ? value(each) : std::min(least, value(each));
            most = std::max(most, value(each));
            ++good;
        }
    std::string line, failed;
    double first_x = 0, x = 0, y = 0;
    for (std::size_t i = 0; i < points.size(); ++i) {
        const double at =
            margin + (width - 2 * margin) * static_cast<double>(i) / static_cast<double>(points.size() - 1);
        if (!points[i].ok) {
            failed += cross(at, height - margin);
            continue;
        }
        x = at;
        y = height - margin - (most > 0 ? value(points[i]) / most : 0) * (height - 2 * margin);
        if (line.empty())
            first_x = x;
        line += fmt::format("{}{:.1f} {:.1f}", line.empty() ? "M" : "L", x, y);
    }
    const auto fell = points.size() - good;
    const auto title =
        fmt::format("{} over the last {}: {}{}", what, count_text(points.size(), "run"),
                    good == 0 ? "none was good" : fmt::format("{} to {}", text(least), text(most)),
                    fell == 0 ? "" : fmt::format("; {} failed", fell));
    std::string out = fmt::format(
        R"(<svg class="spark" viewBox="0 0 {} {}" width="{}" height="{}" role="img"><title>{}</title>)",
        width, height, width, height, html(title));
    if (good > 1)
        out += fmt::format(R"(<path class="area" d="{}L{:.1f} {}L{:.1f} {}z"/><path class="line" d="{}"/>)",
                           line, x, height - margin, first_x, height - margin, line);
    if (good > 0)
        out += fmt::format(R"(<circle class="dot" cx="{:.1f}" cy="{:.1f}" r="2.5"/>)", x, y);
    if (fell > 0)
        out += fmt::format(R"(<path class="cross" d="{}"/>)", failed);
    return out + "</svg>";
}

std::string gauge(const std::string& title, double part) {
    const double taken = std::isfinite(part) ? std::clamp(part, 0.0, 1.0) * 100 : 0;
    return fmt::format(
        R"(<svg class="gauge" viewBox="0 0 100 6" height="6" preserveAspectRatio="none" role="img">)"
        R"(<title>{}</title><rect class="track" width="100" height="6"/>)"
        R"(<rect class="taken" width="{:.2f}" height="6"/></svg>)",
        html(title), taken);
}

} // namespace miraclemax::telemetry
