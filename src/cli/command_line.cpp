#include "cli/command_line.hpp"

#include "cli/commands.hpp"
#include "cli/completion.hpp"
#include "cli/signals.hpp"
#include "cli/text.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <iostream>

namespace miraclemax::cli {
namespace {

using Verb = ExitCode (Commands::*)();

const char* const exit_codes =
    "Exit codes: 0 ok, 1 failed, 2 wrong usage, 3 incomplete, 4 nothing is labelled, 5 another run\n"
    "holds the backup folder, 6 configuration, 7 podman, 8 key, 9 backup folder, 10 a container is\n"
    "not as it was, 11 not found, 12 interrupted, 13 damaged, 14 not signed by a known key, 15 unhealthy\n"
    "after a restore.";

// The parser and what it fills, kept together: CLI11 writes into the options while it parses.
struct Parser {
    CLI::App app{"Backs up the labelled volumes of a Podman host.", "miraclemax"};
    Options options;
    std::vector<std::pair<CLI::App*, Verb>> verbs;
    CLI::App* worker = nullptr;
    CLI::App* completion = nullptr;
    CLI::App* man = nullptr;
    std::string shell; // of `completion`

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
    void restore_options();
    void verify_options();
    void keys(CLI::App* sub) {
        sub->add_option("--key", options.verify.keys.files,
                        "Private key: a file, a folder, or - for standard input")
            ->allow_extra_args(false);
        sub->add_option("--passphrase-file", options.verify.keys.passphrase_file, "Its passphrase");
    }
    Parser();
};

void Parser::restore_options() {
    auto& wish = options.restore;
    auto* restore = verb("restore", "Bring components back, whole or not at all", &Commands::restore);
    restore->add_flag("--latest", wish.latest, "The newest good archive of each component");
    restore->add_option("--from-backup", wish.request.backup, "From this backup");
    restore->add_option("--component", wish.request.components, "Only this component (may be repeated)")
        ->allow_extra_args(false);
    restore->add_flag(
        "--verify-only", wish.verify_only,
        "Prove the archives to their last byte, restore nothing (on a host: without podman too)");
    restore->add_flag("--dry-run", wish.dry_run,
                      "Show the plan, decrypt and read everything, restore nothing");
    restore->add_flag("--force", wish.force, "Do not ask");
    restore->add_option("--into", wish.request.into, "Into a new volume, beside the original");
    restore->add_option("--to", wish.request.to,
                        "Into <folder>/<component>, a folder of the host (there without podman too)");
    restore->add_option("--path", wish.request.only, "Only this file or folder of the component");
    restore->add_flag("--selinux-labels", wish.request.selinux_labels, "Restore SELinux labels too");
    restore->add_flag("--rollback-on-unhealthy", wish.request.rollback_on_unhealthy,
                      "Put the old data back when a container does not come up well");
    restore->add_flag(
        "--in-place", wish.request.in_place,
        "Where there is no room for both: a safety backup, then the new data instead of the old");
    restore->add_flag("--undo", wish.undo, "Put back what was there before the last restore");
    restore->add_flag("--discard-old", wish.discard_old, "Let go of what was there before a restore");
    restore
        ->add_option("--key", wish.request.keys.files,
                     "Private key: a file, a folder, or - for standard input")
        ->allow_extra_args(false);
    restore->add_option("--passphrase-file", wish.request.keys.passphrase_file, "Its passphrase");
    restore
        ->add_option("--signer", wish.request.trust.signers,
                     "Believe the signature of this key (fingerprint)")
        ->allow_extra_args(false);
    restore->add_flag("--unsigned", wish.request.trust.unsigned_is_fine,
                      "Go on with a backup whose signer is not known, or that is not signed");
    json(restore);
}

void Parser::verify_options() {
    auto& wish = options.verify;
    auto* verify = verb("verify", "Prove that stored backups are whole and genuine", &Commands::verify);
    verify->add_option("backup", wish.request.ids, "Their ids (default: latest)");
    verify->add_flag("--latest", wish.latest, "The newest complete backup");
    verify->add_flag("--all", wish.request.all, "Every backup");
    verify->add_flag("--deep", wish.deep, "Open every archive and compare it with its inventory");
    verify->add_option("--sample", wish.sample,
                       "The same for this percentage of the archives, chosen at random");
    verify->add_option("--component", wish.request.components, "Only this component (may be repeated)")
        ->allow_extra_args(false);
    verify
        ->add_option("--signer", wish.request.trust.signers,
                     "Believe the signature of this key (fingerprint)")
        ->allow_extra_args(false);
    verify->add_flag("--unsigned", wish.request.trust.unsigned_is_fine,
                     "Accept a backup whose signer is not known, or that is not signed");
    verify->add_option("--planned", options.planned, "The time that serve planned it for")->group("");
    keys(verify);
    json(verify);
}

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
    backup->add_flag("--verify", options.prove,
                     "Prove the backup then, and open it where a private key is at hand");
    backup->add_option("--planned", options.planned, "The time that serve planned it for")->group("");
    keys(backup);
    selection(verb("plan", "Show every component, its group, and what would be frozen how", &Commands::plan));
    restore_options();
    verify_options();
    json(verb("list", "List the backups", &Commands::list));
    auto* show = verb("show", "Show one backup", &Commands::show);
    show->add_option("backup", options.backup, "Its id, or latest")->capture_default_str();
    json(show);
    auto* prune = verb("prune", "Remove the backups that no rule of retention keeps", &Commands::prune);
    prune->add_flag("--dry-run", options.dry_run, "Only show what would go, and why the others stay");
    prune->add_option("--gone", options.gone,
                      "Only sign that this backup, which is missing, was removed on purpose");
    json(prune);
    auto* replicate =
        verb("replicate", "Copy the backups into the further tiers, and prune there", &Commands::replicate);
    replicate->add_option("--tier", options.replicate.tiers, "Only this tier (may be repeated)")
        ->allow_extra_args(false);
    replicate->add_flag("--dry-run", options.replicate.dry_run, "Only show what would be copied");
    replicate->add_flag("--init", options.init, "Only set a new tier up: say that this folder is the one");
    replicate->add_option("--planned", options.planned, "The time that serve planned it for")->group("");
    json(replicate);
    auto* keep = verb("keep", "Keep one backup whatever retention says", &Commands::keep);
    keep->add_option("backup", options.backup, "Its id")->required();
    keep->add_flag("--off", options.let_go, "Retention decides again");
    json(verb("status", "Show how the backups are, as the status page does", &Commands::status));
    json(verb("recover", "Put back what a dead run left: containers frozen or stopped, data half moved",
              &Commands::recover));
    auto* check = verb("check", "Check configuration, keys, socket, folders and image", &Commands::check);
    check->add_flag("--health", options.health,
                    "Only whether the last good backup is recent and the socket is there");
    json(check);
    verb("serve", "Be the sidecar: planned runs, status over HTTP, messages, and a look after dead runs",
         &Commands::serve);
    verb("key", "Show the signing key and the recipients", &Commands::key)
        ->add_flag("--export", options.export_key,
                   "Write the public signing key (for gpg --import) to stdout");
    verb("config", "Print a commented configuration file with every option and its default",
         &Commands::config);
    auto* install = verb("install", "Install miraclemax on this host, or undo that", &Commands::install);
    add_install_options(*install, options.install);
    json(install);
    completion = app.add_subcommand("completion", "Print the completion for a shell")->group("");
    completion->add_option("shell", shell, "bash, zsh or fish")->required();
    man = app.add_subcommand("man", "Print the manual page")->group("");
    worker = app.add_subcommand("worker", "Read one component (started by miraclemax itself)")->group("");
    worker->add_option("--descriptor", options.control.descriptor, "Control socket, already open");
    worker->add_option("--connect", options.control.connect, "Control socket to connect to");
}

// An unset shell variable is no wish to do it without: `--to "$FOLDER"` must not mean the live volume.
Error empty_value(const std::string& option) {
    return {ExitCode::usage, option + " is given, and is empty",
            "give it a value, or leave it out (is a shell variable unset?)"};
}

// CLI11 would take the next word for the value of `--to=`.
void refuse_empty(const std::vector<std::string>& words) {
    for (const auto& word : words)
        if (word.starts_with("--") && word.find('=') == word.size() - 1)
            throw empty_value(word.substr(0, word.size() - 1));
}

void refuse_empty(const CLI::App& app) {
    for (const auto* sub : app.get_subcommands())
        for (const auto* option : sub->get_options())
            if (const auto& given = option->results();
                !option->get_group().empty() && std::find(given.begin(), given.end(), "") != given.end())
                throw empty_value(option->get_name());
}

std::vector<std::string> words_of(int argc, char** argv) {
    std::vector<std::string> words(argv + 1, argv + argc);
    const std::string_view name = argc > 0 ? argv[0] : "";
    const auto base = name.substr(name.rfind('/') == std::string_view::npos ? 0 : name.rfind('/') + 1);
    if (base == "pai-miraclemax-backup")
        words.insert(words.begin(), "backup");
    if (base == "pai-miraclemax-restore")
        words.insert(words.begin(), "restore");
    if (base == "pai-miraclemax-backup-install")
        words.insert(words.begin(), "install");
    return words;
}

int tell(const Error& error) {
    std::cerr << "miraclemax: " << safe(error.what()) << '\n';
    if (!error.remedy().empty())
        std::cerr << safe(error.remedy()) << '\n';
    return static_cast<int>(error.code());
}

int carry_out(Parser& parser, const Composition& composition) {
    if (parser.worker->parsed())
        return composition.work(parser.options.control);
    if (parser.completion->parsed() || parser.man->parsed()) {
        const auto table = option_table(parser.app);
        std::cout << (parser.man->parsed() ? manual(table) : completion(parser.shell, table));
        return 0;
    }
    std::atomic<unsigned> hangups{0};
    parser.options.hangups = &hangups;
    const Signals signals(parser.app.got_subcommand("serve") ? &hangups : nullptr);
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
        refuse_empty(words);
        std::reverse(words.begin(), words.end()); // CLI11 takes them from the back
        parser.app.parse(words);
    } catch (const CLI::ParseError& error) {
        const int code = parser.app.exit(error, std::cout, std::cerr);
        return code == 0 ? 0 : static_cast<int>(ExitCode::usage);
    } catch (const Error& error) {
        return tell(error);
    }
    try {
        refuse_empty(parser.app);
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
