#include "component/component.hpp"

#include <charconv>
#include <cstdint>
#include <limits>

namespace miraclemax::component {

std::optional<std::chrono::milliseconds> duration_from(const std::string& text) {
    std::int64_t count = 0;
    const auto* const end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data(), end, count);
    if (error != std::errc{} || count <= 0)
        return std::nullopt;
    const std::string unit(rest, end);
    std::int64_t factor = 0;
    if (unit == "ms")
        factor = 1;
    else if (unit.empty() || unit == "s")
        factor = 1000;
    else if (unit == "m")
        factor = 60'000;
    else if (unit == "h")
        factor = 3'600'000;
    if (factor == 0 || count > std::numeric_limits<std::int32_t>::max())
        return std::nullopt;
    return std::chrono::milliseconds(count * factor);
}

} // namespace miraclemax::component
