#include "config/config.hpp"

#include "component/paths.hpp"
#include "component/spelling.hpp"
#include "config/yaml_file.hpp"
#include "error.hpp"

#include <unistd.h>

#include <algorithm>
#include <filesystem>

namespace miraclemax::config {
namespace {

const std::string prefix = "MIRACLEMAX_";

std::vector<std::string> split(const std::string& list) {
    std::vector<std::string> parts;
    for (std::size_t begin = 0; begin <= list.size();) {
        const auto end = std::min(list.find(',', begin), list.size());
        const auto first = list.find_first_not_of(' ', begin);
        if (first < end)
            parts.push_back(list.substr(first, list.find_last_not_of(' ', end - 1) + 1 - first));
        begin = end + 1;
    }
    return parts;
}

void read_environment(FileWords& words, const Environment& environment) {
    for (const auto& option : options())
        if (const auto value = environment(option.variable()); value && !value->empty())
            words.options[option.key] = {.values = option.list ? split(*value) : std::vector{*value},
                                         .where = option.variable()};
}

void check_names(const std::vector<std::string>& names, Problems& problems) {
    std::vector<std::string> known;
    for (const auto& option : options())
        known.push_back(option.variable());
    for (const auto& name : names) {
        if (!name.starts_with(prefix) || std::find(known.begin(), known.end(), name) != known.end())
            continue;
        if (name == prefix + "CONFIG" || name.starts_with(prefix + "FAULT") ||
            name.starts_with(prefix + "TEST"))
            continue;
        if (std::find(known.begin(), known.end(), name + "_FILE") != known.end())
            problems.push_back(told(name, "a secret is only read from a file", "use " + name + "_FILE"));
        else if (name == prefix + "COMPONENTS")
            problems.push_back(told(name, "no such option", "components can only be listed in the file"));
        else if (name == prefix + "TIERS")
            problems.push_back(told(name, "no such option", "tiers can only be listed in the file"));
        else
            problems.push_back("unknown variable " + name + component::did_you_mean(name, known));
    }
}

std::string shown(const std::vector<std::string>& values) {
    std::string text;
    for (const auto& value : values)
        text += (text.empty() ? "" : ", ") + value;
    // A URL with a user may hold a password: what is wrong is told into logs.
    if (const auto user = text.find("://"), end = text.rfind('@'); user < end && end != std::string::npos)
        text.replace(user + 3, end - user - 3, "***");
    return "\"" + text + "\"";
}

void apply(const Option& option, Given given, const Environment& environment, Config& config,
           Problems& problems) {
    if (given.values.empty() && !option.list)
        return; // empty is the default
    if (option.path)
        for (auto& value : given.values) {
            if (option.key == "podman.socket" && value.starts_with("unix://"))
                value.erase(0, std::string("unix://").size());
            const auto path = expanded(value, environment);
            if (!path) {
                problems.push_back(
                    told(given.where, option.key + " is \"" + value + "\"", "use an absolute path"));
                return;
            }
            value = *path;
        }
    if (const auto wrong = option.set(config, given.values))
        problems.push_back(told(given.where, option.key + " is " + shown(given.values), *wrong));
}

void check_notify(const FileWords& words, const Notify& notify, Problems& problems) {
    const auto wrong = [&](const std::string& key, const std::string& what, const std::string& remedy) {
        const auto given = words.options.find(key);
        problems.push_back(told(given == words.options.end() ? key : given->second.where, what, remedy));
    };
    const auto& mail = notify.mail;
    if (!mail.url.empty() && (mail.from.empty() || mail.to.empty()))
        wrong("notify.mail.url", "mail has no sender or no receiver",
              "set notify.mail.from and notify.mail.to");
    if (!mail.password.empty() && mail.user.empty())
        wrong("notify.mail.password_file", "there is a password and no user", "set notify.mail.user");
    if (!mail.password.empty() && !mail.starttls && mail.url.starts_with("smtp:"))
        wrong("notify.mail.starttls", "a password is not sent in the clear",
              "set notify.mail.starttls to true");
    if (words.options.contains("notify.webhook.url") && words.options.contains("notify.webhook.url_file") &&
        !words.options.at("notify.webhook.url").values.empty() &&
        !words.options.at("notify.webhook.url_file").values.empty())
        wrong("notify.webhook.url_file", "notify.webhook.url is given too", "choose one of them");
}

// That the backup folder is a tier's folder is right for a while: to restore from there, by the variable.
void check_tiers(const FileWords& words, const Config& config, Problems& problems) {
    const auto given = words.options.find("backup.folder");
    const bool by_variable = given != words.options.end() && given->second.where.starts_with(prefix);
    for (std::size_t i = 0; i < config.tiers.size(); ++i) {
        const auto& tier = config.tiers[i];
        if (tier.folder.empty())
            continue;
        const auto wrong = [&](const std::string& other) {
            problems.push_back(told(tier.where, "the folder of tier " + tier.name + " overlaps " + other,
                                    "give it a folder of its own, best on another machine or disk"));
        };
        if (component::overlap(tier.folder, config.backups) &&
            !(by_variable && tier.folder == config.backups))
            wrong("the backup folder " + config.backups);
        if (component::overlap(tier.folder, config.state))
            wrong("the state folder " + config.state);
        for (std::size_t j = 0; j < i; ++j)
            if (!config.tiers[j].folder.empty() && component::overlap(tier.folder, config.tiers[j].folder))
                wrong("that of tier " + config.tiers[j].name);
    }
}

// What no option can tell by itself.
void check_together(const FileWords& words, const Config& config, Problems& problems) {
    const auto level = words.options.find("compression.level");
    const auto where = level == words.options.end() ? std::string("compression") : level->second.where;
    if (config.compression == "gzip" && config.level > 9)
        problems.push_back(
            told(where, "compression.level is " + std::to_string(config.level), "gzip has 0 to 9"));
    if (config.compression == "zstd" && config.level < 1)
        problems.push_back(
            told(where, "compression.level is " + std::to_string(config.level), "zstd has 1 to 19"));
    if (!config.passphrase.empty() && !config.recipients.empty())
        problems.push_back(told(words.options.at("encryption.passphrase_file").where,
                                "both a passphrase and recipients are given", "choose one of them"));
    check_notify(words, config.notify, problems);
}

std::string find_file(const std::string& file, const Environment& environment) {
    if (!file.empty())
        return file;
    if (const auto named = environment(prefix + "CONFIG"); named && !named->empty())
        return *named;
    const std::string standard = "/etc/miraclemax/config.yml";
    std::error_code ignored;
    // A file that is there and can't be reached is told by reading it.
    const auto kind = std::filesystem::status(standard, ignored).type();
    return kind == std::filesystem::file_type::not_found ? "" : standard;
}

} // namespace

std::vector<std::string> environment_names() {
    std::vector<std::string> names;
    for (char** each = environ; each != nullptr && *each != nullptr; ++each) {
        const std::string variable(*each);
        names.push_back(variable.substr(0, variable.find('=')));
    }
    std::sort(names.begin(), names.end());
    return names;
}

Config load_config(const std::string& file, const Environment& environment,
                   const std::vector<std::string>& names) {
    Problems problems;
    Config config{.file = find_file(file, environment), .key_files = {"/keys"}};
    FileWords words;
    if (!config.file.empty())
        words = read_yaml(config.file, environment, problems);
    read_environment(words, environment);
    check_names(names, problems);
    for (const auto& option : options())
        if (const auto given = words.options.find(option.key); given != words.options.end())
            apply(option, given->second, environment, config, problems);
    config.components = std::move(words.components);
    config.tiers = std::move(words.tiers);
    check_together(words, config, problems);
    check_tiers(words, config, problems);
    if (problems.empty())
        return config;
    std::string message;
    for (const auto& problem : problems)
        message += (message.empty() ? "" : "\n") + problem;
    throw Error(ExitCode::config, message, "correct the configuration; nothing was done");
}

} // namespace miraclemax::config
