#include "run/identity.hpp"

#include "error.hpp"
#include "stream/file.hpp"

#include <fmt/format.h>

#include <sys/random.h>
#include <unistd.h>

#include <filesystem>

namespace miraclemax::run {
namespace {

std::string new_word() {
    std::uint64_t word = 0;
    if (::getrandom(&word, sizeof word, 0) != sizeof word)
        throw Error(ExitCode::failed, "the kernel gives no random bytes");
    return fmt::format("{:016x}", word);
}

} // namespace

std::string identity(const Settings& settings) {
    const auto file = settings.state / "identity";
    std::error_code trouble;
    if (!std::filesystem::exists(file, trouble)) {
        std::filesystem::create_directories(settings.state, trouble);
        // Two that start at once: the one that links first has made it.
        const auto mine = settings.state / fmt::format(".identity-{}", ::getpid());
        stream::replace_file(mine, new_word());
        std::filesystem::create_hard_link(mine, file, trouble);
        std::filesystem::remove(mine, trouble);
    }
    return settings.instance + "." + stream::read_file(file, 64);
}

} // namespace miraclemax::run
