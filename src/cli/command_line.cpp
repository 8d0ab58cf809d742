#include "cli/command_line.hpp"

#include "cli/commands.hpp"
#include "cli/signals.hpp"
#include "cli/text.hpp"

#include <CLI/CLI.hpp>

#include <iostream>

namespace miraclemax::cli {
namespace {

using Verb = ExitCode (Commands::*)();

const char* const exit_codes =
    "Exit codes: 0 ok, 1 failed, 2 wrong usage, 3 incomplete, 4 nothing is labelled, 5 another run\n"
    "holds the backup folder, 6 configuration, 7 podman, 8 key, 9 backup folder, 10 a container is\n"
    "not as it was, 11 not found, 12 interrupted.";

// The parser and what it fills, kept together: CLI11 writes into the options while it parses.
struct Parser {
    CLI::App app{"Backs up the labelled volumes of a Podman host.", "miraclemax"};
    Options options;
    std::vector<std::pair<CLI::App*, Verb>> verbs;
    CLI::App* worker = nullptr;

    CLI::App* verb(const char* name, const char* text, Verb run) {
        auto* sub = app.add_subcommand(name, text);
        sub->footer(exit_codes);
        verbs.emplace_back(sub, run);
        return sub;
    }
    void json(CLI::App* sub) { sub->add_flag("--json", options.json, "Print JSON"); }
    void selection(CLI::App* sub) {
        sub->add_option("--component", options.request.components, "Only this component (may be repeated)")
            ->allow_extra_args(false);
        sub->add_flag("--full", options.request.full, "Optional components too");
        json(sub);
    }
    Parser();
};

Parser::Parser() {
    app.require_subcommand(1);
    app.footer(exit_codes);
    app.set_version_flag("--version", "miraclemax " MIRACLEMAX_VERSION);
    app.add_option("--config", options.config_file,
                   "Configuration file (default: /etc/miraclemax/config.yml, if there)")
        ->envname("MIRACLEMAX_CONFIG");
    app.fallthrough();
    auto* backup = verb("backup", "Make a backup now", &Commands::backup);
    selection(backup);
    backup->add_flag("--dry-run", options.dry_run, "Show what would be done, like `plan`");
    selection(verb("plan", "Show every component, its group, and what would be frozen how", &Commands::plan));
    json(verb("list", "List the backups", &Commands::list));
    auto* show = verb("show", "Show one backup", &Commands::show);
    show->add_option("backup", options.backup, "Its id, or latest")->capture_default_str();
    json(show);
    json(verb("recover", "Put back every container that a dead run left frozen", &Commands::recover));
    json(verb("check", "Check configuration, keys, socket, folders and image", &Commands::check));
    verb("serve", "Stand by as the sidecar's main process, and look after dead runs", &Commands::serve);
    verb("key", "Show the signing key and the recipients", &Commands::key)
        ->add_flag("--export", options.export_key,
                   "Write the public signing key (for gpg --import) to stdout");
    verb("config", "Print a commented configuration file with every option and its default",
         &Commands::config);
    worker = app.add_subcommand("worker", "Read one component (started by miraclemax itself)")->group("");
    worker->add_option("--descriptor", options.control.descriptor, "Control socket, already open");
    worker->add_option("--connect", options.control.connect, "Control socket to connect to");
}

std::vector<std::string> words_of(int argc, char** argv) {
    std::vector<std::string> words(argv + 1, argv + argc);
    const std::string_view name = argc > 0 ? argv[0] : "";
    const auto base = name.substr(name.rfind('/') == std::string_view::npos ? 0 : name.rfind('/') + 1);
    if (base == "pai-miraclemax-backup")
        words.insert(words.begin(), "backup");
    return words;
}

int tell(const Error& error) {
    std::cerr << "miraclemax: " << safe(error.what()) << '\n';
    if (!error.remedy().empty())
        std::cerr << safe(error.remedy()) << '\n';
    return static_cast<int>(error.code());
}

int carry_out(const Parser& parser, const Composition& composition) {
    if (parser.worker->parsed())
        return composition.work(parser.options.control);
    const Signals signals;
    for (const auto& [sub, verb] : parser.verbs)
        if (sub->parsed())
            return static_cast<int>((Commands(composition, parser.options, signals.token()).*verb)());
    return static_cast<int>(ExitCode::usage);
}

} // namespace

int command_line(int argc, char** argv, const Composition& composition) {
    Parser parser;
    try {
        auto words = words_of(argc, argv);
        std::reverse(words.begin(), words.end()); // CLI11 takes them from the back
        parser.app.parse(words);
    } catch (const CLI::ParseError& error) {
        const int code = parser.app.exit(error, std::cout, std::cerr);
        return code == 0 ? 0 : static_cast<int>(ExitCode::usage);
    }
    try {
        const int code = carry_out(parser, composition);
        std::cout.flush();
        return code != 0 || std::cout.good() ? code : static_cast<int>(ExitCode::failed);
    } catch (const Error& error) {
        return tell(error);
    } catch (const std::exception& error) {
        return tell(Error(ExitCode::failed, error.what()));
    }
}

} // namespace miraclemax::cli
