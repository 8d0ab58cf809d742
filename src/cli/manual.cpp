#include "cli/completion.hpp"

namespace miraclemax::cli {
namespace {

// man(7): a backslash, a dash that is to be copied, and a line that begins with a control character.
std::string roff(const std::string& text) {
    std::string all;
    for (const char c : text) {
        const bool first = all.empty() || all.back() == '\n';
        if (c == '\\')
            all += "\\e";
        else if (c == '-')
            all += "\\-";
        else if (first && (c == '.' || c == '\''))
            all += std::string("\\&") + c;
        else
            all += c;
    }
    return all;
}

std::string option_text(const OptionText& option) {
    std::string head;
    for (const auto& name : option.names)
        head += (head.empty() ? "\\fB" : ", \\fB") + roff(name) + "\\fR";
    if (!option.value.empty())
        head += (head.empty() ? "\\fI" : " \\fI") + roff(option.value) + "\\fR";
    std::string text = ".TP\n" + head + "\n" + roff(option.text) + ".\n";
    if (!option.standard.empty())
        text += "Default: " + roff(option.standard) + ".\n";
    if (!option.variable.empty())
        text += "Variable: " + roff(option.variable) + ".\n";
    return text;
}

std::string synopsis(const ProgramText& program) {
    std::string text = ".SH SYNOPSIS\n.nf\n";
    for (const auto& verb : program.verbs) {
        text += "\\fB" + program.name + " " + verb.name + "\\fR [\\fIOPTIONS\\fR]";
        for (const auto& each : verb.positionals)
            text += (each.required ? " \\fI" : " [\\fI") + roff(each.value) + "\\fR" +
                    (each.repeats ? " ..." : "") + (each.required ? "" : "]");
        text += "\n";
    }
    for (const auto& verb : program.verbs)
        if (!verb.alias.empty())
            text += "\\fB" + roff(verb.alias) + "\\fR [\\fIOPTIONS\\fR]\n";
    return text + ".fi\n";
}

std::string commands(const ProgramText& program) {
    std::string text = ".SH COMMANDS\n";
    for (const auto& verb : program.verbs) {
        text += ".SS " + verb.name + "\n" + roff(verb.text) + ".\n";
        if (!verb.alias.empty())
            text += "The program's name \\fB" + roff(verb.alias) + "\\fR stands for it.\n";
        for (const auto& each : verb.positionals)
            text += option_text(each);
        for (const auto& each : verb.options)
            text += option_text(each);
    }
    return text;
}

// "Exit codes: 0 ok, 1 failed, …" as a sentence of its own.
std::string exit_status(const ProgramText& program) {
    return ".SH EXIT STATUS\n" + roff(program.footer) + "\n";
}

constexpr const char* description =
    ".SH DESCRIPTION\n"
    "Volumes are chosen by podman labels.\n"
    "The containers that write to one are frozen for as short as possible, the volume is streamed into a "
    "compressed,\n"
    "OpenPGP encrypted tar archive, and the backup is published when it is whole.\n"
    "A backup is opened with\n.BR gpg (1)\nand\n.BR tar (1)\nalone.\n";

constexpr const char* ending =
    ".SH FILES\n"
    ".TP\n.I /etc/miraclemax/config.yml\n"
    "The configuration; \\fBmiraclemax config\\fR prints a commented one with every option and its "
    "variable.\n"
    ".TP\n.I /backups\nThe backups, where the configuration names no other folder.\n"
    ".TP\n.I /var/lib/miraclemax\nJournal, run records, and the signing key.\n"
    ".SH EXAMPLES\n"
    ".TP\n.B podman exec miraclemax miraclemax plan\nWhat would be backed up, and what would be frozen how.\n"
    ".TP\n.B podman exec miraclemax miraclemax backup\nA backup, now.\n"
    ".TP\n.B gpg \\-\\-decrypt n8n.tar.gz.gpg | tar xzf \\-\nA backup's archive, opened with stock tools.\n"
    ".SH SEE ALSO\n"
    ".BR podman (1),\n.BR podman\\-systemd.unit (5),\n.BR gpg (1),\n.BR tar (1)\n";

} // namespace

std::string manual(const ProgramText& program) {
    std::string text = ".\\\" Made by `" + program.name + " man`.\n.TH MIRACLEMAX 1 \"\" \"miraclemax " +
                       MIRACLEMAX_VERSION "\"\n.SH NAME\n" + program.name + " \\- " + roff(program.text) +
                       "\n";
    text += synopsis(program) + description + commands(program) + ".SH OPTIONS\n";
    for (const auto& each : program.options)
        text += option_text(each);
    return text + exit_status(program) + ending;
}

} // namespace miraclemax::cli
