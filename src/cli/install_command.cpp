#include "cli/commands.hpp"

#include "cli/install_report.hpp"
#include "cli/reports.hpp"
#include "cli/terminal.hpp"
#include "cli/text.hpp"
#include "stream/file.hpp"

#include <unistd.h>

#include <iostream>

namespace miraclemax::cli {
namespace {

namespace fs = std::filesystem;

fs::path whole(const std::string& path) {
    return path.empty() ? fs::path() : fs::absolute(path).lexically_normal();
}

void check_wishes(const InstallOptions& wish) {
    if (wish.without_key && !wish.key.empty())
        throw Error(ExitCode::usage, "--key and --without-key exclude each other", "choose one");
    if (wish.no_passphrase && !wish.passphrase_file.empty())
        throw Error(ExitCode::usage, "--passphrase-file and --no-passphrase exclude each other",
                    "choose one");
    if (!wish.compose.empty() && !wish.backups.empty())
        throw Error(ExitCode::usage, "--backups is not for --compose",
                    "its backups are in the folder; MIRACLEMAX_BACKUPS names another when it is started");
}

installation::Wish wish_of(const InstallOptions& options, const Composition& composition) {
    installation::Wish wish{.way = !options.compose.empty() ? installation::Way::compose
                                   : options.timer          ? installation::Way::timer
                                                            : installation::Way::quadlet,
                            .folder = whole(options.compose),
                            .backups = whole(options.backups),
                            .image = options.image,
                            .without_key = options.without_key,
                            .key = whole(options.key),
                            .private_key_out = whole(options.private_key_out),
                            .signing_key = options.root.empty(),
                            .example_config = composition.example_config()};
    std::error_code trouble;
    if (const auto self = fs::read_symlink("/proc/self/exe", trouble); !trouble && options.root.empty())
        wish.program = self;
    return wish;
}

void agree(bool yes, const std::string& question, const std::stop_token& stop) {
    if (yes)
        return;
    if (!has_terminal())
        throw Error(ExitCode::usage, "nobody is there to agree to this",
                    "give --yes, or run it on a terminal");
    if (!ask_yes(question, stop))
        throw Error(ExitCode::interrupted, "nothing was done");
}

std::string passphrase_of(const InstallOptions& options, const std::stop_token& stop) {
    if (options.no_passphrase)
        return {};
    if (!options.passphrase_file.empty()) {
        auto text = stream::read_file(options.passphrase_file, 4096);
        if (text.ends_with('\n'))
            text.pop_back();
        if (text.empty() || text.find('\n') != std::string::npos)
            throw Error(ExitCode::key,
                        "the passphrase file " + options.passphrase_file + " is not one line of text",
                        "write the passphrase alone into it");
        return text;
    }
    if (!has_terminal())
        throw Error(ExitCode::usage, "a new private key needs a passphrase, and nobody is there to ask",
                    "give --passphrase-file or --no-passphrase; --key FILE takes a public key that you have");
    auto text = ask_secret("Passphrase for the new private key (empty: none)", stop);
    if (ask_secret("Once more", stop) != text)
        throw Error(ExitCode::key, "the two differ; nothing was done");
    return text;
}

ExitCode undo(const InstallOptions& options, const installation::Wish& wish, const installation::Host& host,
              installation::Outside& outside, const std::stop_token& stop) {
    const fs::path root = options.root.empty() ? fs::path("/") : whole(options.root);
    const auto places = installation::places(host, wish);
    const auto record = installation::read_record(root / places.record().relative_path());
    if (!record) {
        std::cout << "nothing was installed by `miraclemax install`, or it is undone already\n";
        return ExitCode::ok;
    }
    for (const auto& text : installation::undo_lines(*record))
        std::cout << line("  - " + text);
    if (options.dry_run)
        return ExitCode::ok;
    agree(options.yes, "Undo this?", stop);
    const auto say = [](const std::string& text) { std::cout << line(text); };
    if (installation::uninstall(root, places, *record, outside, say))
        return ExitCode::ok;
    std::cerr << line(
        "miraclemax: not all could be undone; mend it and repeat this, or do the rest by hand and remove " +
        places.record().string());
    return ExitCode::failed;
}

} // namespace

ExitCode Commands::install() {
    const auto& options = options_.install;
    check_wishes(options);
    const auto outside = installation::host_programs();
    const bool here = options.root.empty(); // else it is for another host
    auto host = installation::look(installation::surroundings(), *outside,
                                   here && !options.timer ? options.image : "");
    host.systemd = host.systemd && here;
    const auto wish = wish_of(options, composition_);
    if (options.uninstall)
        return undo(options, wish, host, *outside, stop_);
    const fs::path root = options.root.empty() ? fs::path("/") : whole(options.root);
    installation::Installation installation(installation::make_plan(host, wish), root, *outside);
    print_installation(host, installation, options_.json, std::cout);
    if (installation.is_refused())
        return ExitCode::config;
    if (options.dry_run)
        return ExitCode::ok;
    if (installation.is_done())
        std::cout << (options_.json ? "" : "Nothing to do: all of it is so already.\n");
    else {
        agree(options.yes, "Do this?", stop_);
        const auto passphrase = installation.makes_key_pair() ? passphrase_of(options, stop_) : std::string();
        const auto say = [&](const std::string& text) {
            (options_.json ? std::cerr : std::cout) << line(text) << std::flush;
        };
        fs::create_directories(root);
        const auto made = installation.carry_out(passphrase, say);
        print_key_advice(made, options_.json ? std::cerr : std::cout);
    }
    if (wish.way != installation::Way::timer || !options.root.empty())
        return ExitCode::ok;
    const auto setup = composition_.load(installation.plan().places.config.string());
    const auto findings = run::check(
        setup.settings, [&] { return composition_.connect(setup.socket); }, composition_.self_id());
    print_findings(findings, false, options_.json ? std::cerr : std::cout);
    for (const auto& finding : findings)
        if (!finding.ok)
            return finding.code;
    return ExitCode::ok;
}

} // namespace miraclemax::cli
