#include "cli/option_table.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>

namespace miraclemax::cli {
namespace {

bool one_of(const std::string& name, std::initializer_list<const char*> names) {
    return std::find(names.begin(), names.end(), name) != names.end();
}

Value kind_of(const std::string& name) {
    if (one_of(name, {"--config", "--key", "--passphrase-file", "--private-key-out"}))
        return Value::file;
    if (one_of(name, {"--to", "--root", "--backups", "--compose"}))
        return Value::folder;
    return Value::text;
}

std::string placeholder_of(const std::string& name, Value kind) {
    if (kind == Value::file)
        return "FILE";
    if (kind == Value::folder)
        return "FOLDER";
    std::string word = name.substr(name.find_last_of('-') + 1);
    std::transform(word.begin(), word.end(), word.begin(),
                   [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
    return word;
}

OptionText text_of(const CLI::Option& option) {
    OptionText text{.text = option.get_description(),
                    .standard = option.get_default_str(),
                    .variable = option.get_envname(),
                    .repeats = option.get_items_expected_max() > 1,
                    .required = option.get_required()};
    for (const auto& name : option.get_snames())
        text.names.push_back("-" + name);
    for (const auto& name : option.get_lnames())
        text.names.push_back("--" + name);
    if (option.get_positional() && text.names.empty())
        text.value = option.get_name(true);
    else if (option.get_items_expected_max() > 0) {
        text.kind = kind_of(text.names.back());
        text.value = placeholder_of(text.names.back(), text.kind);
    }
    return text;
}

void options_of(const CLI::App& app, std::vector<OptionText>& options, std::vector<OptionText>* positionals) {
    for (const auto* option : app.get_options()) {
        if (option->get_group().empty())
            continue;
        auto text = text_of(*option);
        if (!text.names.empty())
            options.push_back(std::move(text));
        else if (positionals != nullptr)
            positionals->push_back(std::move(text));
    }
}

} // namespace

ProgramText option_table(const CLI::App& app) {
    ProgramText program{.name = app.get_name(), .text = app.get_description(), .footer = app.get_footer()};
    options_of(app, program.options, nullptr);
    for (const auto* sub : app.get_subcommands([](const CLI::App*) { return true; })) {
        if (sub->get_group().empty())
            continue;
        VerbText verb{.name = sub->get_name(), .text = sub->get_description()};
        if (one_of(verb.name, {"backup", "restore"}))
            verb.alias = "pai-miraclemax-" + verb.name;
        if (verb.name == "install")
            verb.alias = "pai-miraclemax-backup-install";
        options_of(*sub, verb.options, &verb.positionals);
        program.verbs.push_back(std::move(verb));
    }
    return program;
}

} // namespace miraclemax::cli
