#include "cli/completion.hpp"

#include "error.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace miraclemax::cli {
namespace {

std::string joined(const std::vector<std::string>& words, const std::string& between) {
    std::string text;
    for (const auto& word : words)
        text += (text.empty() ? "" : between) + word;
    return text;
}

std::vector<std::string> names_of(const std::vector<OptionText>& options) {
    std::vector<std::string> names;
    for (const auto& option : options)
        names.insert(names.end(), option.names.begin(), option.names.end());
    return names;
}

std::vector<std::string> verbs_of(const ProgramText& program) {
    std::vector<std::string> names;
    for (const auto& verb : program.verbs)
        names.push_back(verb.name);
    return names;
}

std::vector<std::string> aliases_of(const ProgramText& program) {
    std::vector<std::string> names;
    for (const auto& verb : program.verbs)
        if (!verb.alias.empty())
            names.push_back(verb.alias);
    return names;
}

// A command's options and the program's, each name once.
std::vector<OptionText> options_of(const VerbText& verb, const ProgramText& program) {
    auto all = verb.options;
    const auto known = names_of(verb.options);
    for (const auto& option : program.options)
        if (std::find(known.begin(), known.end(), option.names.front()) == known.end())
            all.push_back(option);
    return all;
}

// Patterns "backup --key" of one kind of value, for a case of bash.
std::string patterns(const ProgramText& program, Value kind) {
    std::vector<std::string> all;
    const auto add = [&](const std::string& verb, const std::vector<OptionText>& options) {
        for (const auto& option : options)
            if (option.kind == kind)
                for (const auto& name : option.names)
                    all.push_back(verb + name + "'");
    };
    add("*' ", program.options); // a global option is taken after the command too
    for (const auto& verb : program.verbs)
        add("'" + verb.name + " ", verb.options);
    return joined(all, " | ");
}

std::string bash_case(const ProgramText& program, Value kind, const std::string& act) {
    const auto found = patterns(program, kind);
    return found.empty() ? "" : "    " + found + ")\n        " + act + "\n        return\n        ;;\n";
}

// In single quotes, for zsh and fish.
std::string quoted(const std::string& text) {
    std::string all = "'";
    for (const char c : text)
        all += c == '\'' ? "'\\''" : std::string(1, c);
    return all + "'";
}

// One specification of zsh's _arguments.
std::string zsh_spec(const OptionText& option, const std::string& name) {
    std::string spec = option.repeats ? "*" : "";
    spec += name + "[";
    for (const char c : option.text)
        spec += c == '[' || c == ']' || c == '\\' || c == ':' ? std::string("\\") + c : std::string(1, c);
    spec += "]";
    if (option.kind != Value::none)
        spec += ":" + option.value + ":";
    if (option.kind == Value::file)
        spec += "_files";
    if (option.kind == Value::folder)
        spec += "_files -/";
    return quoted(spec);
}

std::string zsh_specs(const std::vector<OptionText>& options) {
    std::string all;
    for (const auto& option : options)
        for (const auto& name : option.names)
            all += " \\\n            " + zsh_spec(option, name);
    return all;
}

std::string fish_option(const std::string& command, const std::string& condition, const OptionText& option) {
    std::string text = "complete -c " + command + condition;
    for (const auto& name : option.names)
        text += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
    text += " -d " + quoted(option.text);
    if (option.kind == Value::file)
        text += " -r -F";
    if (option.kind == Value::folder)
        text += " -x -a '(__fish_complete_directories)'";
    if (option.kind == Value::text)
        text += " -x";
    return text + "\n";
}

} // namespace

std::string bash_completion(const ProgramText& program) {
    std::string from_name;
    std::string choices;
    for (const auto& verb : program.verbs) {
        if (!verb.alias.empty())
            from_name += "    " + verb.alias + ") verb=" + verb.name + " ;;\n";
        choices +=
            "    " + verb.name + ") words='" + joined(names_of(options_of(verb, program)), " ") + "' ;;\n";
    }
    std::vector<std::string> valued;
    for (const auto& option : program.options)
        if (option.kind != Value::none)
            valued.insert(valued.end(), option.names.begin(), option.names.end());
    return fmt::format(
        R"(# bash completion for {name}; made by `{name} completion bash`.
_{name}() {{
    local current=${{COMP_WORDS[COMP_CWORD]}} previous=${{COMP_WORDS[COMP_CWORD - 1]}} verb='' words='' i
    COMPREPLY=()
    case ${{COMP_WORDS[0]##*/}} in
{from_name}    esac
    for ((i = 1; i < COMP_CWORD && ${{#verb}} == 0; i++)); do
        case ${{COMP_WORDS[i]}} in
        {valued}) ((i++)) ;;
        -*) ;;
        *) verb=${{COMP_WORDS[i]}} ;;
        esac
    done
    case "$verb $previous" in
{files}{folders}{texts}    esac
    case $verb in
    '') words='{verbs} {options}' ;;
{choices}    esac
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
}}
complete -F _{name} {name} {aliases}
)",
        fmt::arg("name", program.name), fmt::arg("from_name", from_name),
        fmt::arg("valued", joined(valued, " | ")),
        fmt::arg("files", bash_case(program, Value::file,
                                    "mapfile -t COMPREPLY < <(compgen -f -- \"$current\")\n"
                                    "        compopt -o filenames 2>/dev/null")),
        fmt::arg("folders", bash_case(program, Value::folder,
                                      "mapfile -t COMPREPLY < <(compgen -d -- \"$current\")\n"
                                      "        compopt -o filenames 2>/dev/null")),
        fmt::arg("texts", bash_case(program, Value::text, ":")),
        fmt::arg("verbs", joined(verbs_of(program), " ")),
        fmt::arg("options", joined(names_of(program.options), " ")), fmt::arg("choices", choices),
        fmt::arg("aliases", joined(aliases_of(program), " ")));
}

std::string zsh_completion(const ProgramText& program) {
    std::string list;
    std::string cases;
    std::string aliases;
    for (const auto& verb : program.verbs) {
        std::string described = verb.name + ":";
        for (const char c : verb.text)
            described += c == ':' ? "\\:" : std::string(1, c);
        list += "        " + quoted(described) + "\n";
        cases += "    " + verb.name + ")\n        _arguments" + zsh_specs(options_of(verb, program));
        for (const auto& positional : verb.positionals)
            cases += " \\\n            " +
                     quoted(std::string(positional.repeats ? "*" : "") + ":" + positional.value + ":");
        cases += "\n        ;;\n";
        if (!verb.alias.empty())
            aliases += "    " + verb.alias + ") _" + program.name + "_verb " + verb.name + " ;;\n";
    }
    return fmt::format(R"(#compdef {name} {names}
# zsh completion; made by `{name} completion zsh`.
_{name}_verb() {{
    case $1 in
{cases}    esac
}}
_{name}() {{
    local curcontext=$curcontext state line
    local -a verbs
    verbs=(
{list}    )
    case ${{service:-{name}}} in
{aliases}    *)
        _arguments -C{options} \
            '1:command:->command' '*::argument:->rest'
        case $state in
        command) _describe command verbs ;;
        rest) _{name}_verb $line[1] ;;
        esac
        ;;
    esac
}}
_{name} "$@"
)",
                       fmt::arg("name", program.name), fmt::arg("names", joined(aliases_of(program), " ")),
                       fmt::arg("cases", cases), fmt::arg("list", list), fmt::arg("aliases", aliases),
                       fmt::arg("options", zsh_specs(program.options)));
}

std::string fish_completion(const ProgramText& program) {
    std::string text = "# fish completion for " + program.name + "; made by `" + program.name +
                       " completion fish`.\ncomplete -c " + program.name + " -f\n";
    for (const auto& option : program.options)
        text += fish_option(program.name, "", option);
    for (const auto& verb : program.verbs) {
        text += "complete -c " + program.name + " -n __fish_use_subcommand -a " + verb.name + " -d " +
                quoted(verb.text) + "\n";
        for (const auto& option : verb.options)
            text += fish_option(program.name, " -n '__fish_seen_subcommand_from " + verb.name + "'", option);
        if (verb.alias.empty())
            continue;
        text += "complete -c " + verb.alias + " -f\n";
        for (const auto& option : options_of(verb, program))
            text += fish_option(verb.alias, "", option);
    }
    return text;
}

std::string completion(const std::string& shell, const ProgramText& program) {
    if (shell == "bash")
        return bash_completion(program);
    if (shell == "zsh")
        return zsh_completion(program);
    if (shell == "fish")
        return fish_completion(program);
    throw Error(ExitCode::usage, "there is no completion for " + shell, "bash, zsh or fish");
}

} // namespace miraclemax::cli
