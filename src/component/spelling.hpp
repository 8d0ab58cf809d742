// The known word that somebody most likely meant. Pure; any thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace miraclemax::component {

// nullopt: nothing is near (more than a third of the letters, at least two, would have to change).
[[nodiscard]] std::optional<std::string> nearest(const std::string& word,
                                                 const std::vector<std::string>& known);

// "; did you mean \"backup\"?", or empty.
[[nodiscard]] std::string did_you_mean(const std::string& word, const std::vector<std::string>& known);

} // namespace miraclemax::component
