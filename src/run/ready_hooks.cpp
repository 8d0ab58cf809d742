#include "run/ready_hooks.hpp"

#include "error.hpp"
#include "stream/file.hpp"

#include <nlohmann/json.hpp>

namespace miraclemax::run {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> argv_of(const component::Hook& hook, const fs::path& folder, const char* moment) {
    if (hook.ready.empty())
        return hook.argv;
    const fs::path home = folder / hook.ready;
    const fs::path file = home / (std::string(moment) + ".json");
    std::error_code trouble;
    if (!fs::exists(file, trouble)) {
        if (fs::is_directory(home, trouble))
            throw Error(ExitCode::config, "the ready hook \"" + hook.ready + "\" has no " + moment + ".json");
        throw Error(ExitCode::config, "no ready hook is called \"" + hook.ready + "\"");
    }
    const auto json = nlohmann::json::parse(stream::read_file(file, 64 * 1024), nullptr, false);
    if (!json.is_array()) // an empty one is no command
        throw Error(ExitCode::config, file.string() + " is not a JSON array of strings");
    std::vector<std::string> argv;
    for (const auto& word : json) {
        if (!word.is_string())
            throw Error(ExitCode::config, file.string() + " is not a JSON array of strings");
        argv.push_back(word.get<std::string>());
    }
    return argv;
}

} // namespace

ResolvedHooks resolve_hooks(const std::vector<podman::Container>& containers, const fs::path& folder) {
    ResolvedHooks resolved;
    for (const auto& container : containers) {
        try {
            const auto rules = component::rules_of(container);
            if (rules.before.empty() && rules.after.empty())
                continue;
            resolved.hooks[container.id] = {.before = argv_of(rules.before, folder, "before"),
                                            .after = argv_of(rules.after, folder, "after"),
                                            .timeout = rules.hook_timeout};
        } catch (const Error& error) {
            resolved.problems[container.id] = "container " + container.name + ": " + error.what();
        }
    }
    return resolved;
}

} // namespace miraclemax::run
