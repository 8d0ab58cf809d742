#include "openpgp/protection.hpp"

#include "stream/file.hpp"

namespace miraclemax::openpgp {

namespace {

constexpr std::size_t largest_key_file = std::size_t{1} << 20U;

// The extended form folds its lines: "\n " is no part of the value.
std::string unfolded(std::string text) {
    for (std::size_t at = 0; (at = text.find("\n ", at)) != std::string::npos;) {
        text.erase(at, 2);
    }
    return text;
}

bool is_protected(const std::string& text) {
    const auto holds = [&](std::string_view part) { return text.find(part) != std::string::npos; };
    // As imported, not yet used: wrapped whether protected or not.
    if (holds("openpgp-private-key")) {
        return !holds("(protection none)") && !holds("(10:protection4:none)");
    }
    return holds("(protected-private-key") || holds("(21:protected-private-key");
}

} // namespace

bool needs_passphrase(const Home& home) {
    std::error_code trouble;
    const auto folder = home.path() / "private-keys-v1.d";
    for (const auto& entry : std::filesystem::directory_iterator(folder, trouble)) {
        if (entry.path().extension() == ".key" &&
            is_protected(unfolded(stream::read_file(entry.path(), largest_key_file)))) {
            return true;
        }
    }
    return false;
}

} // namespace miraclemax::openpgp
