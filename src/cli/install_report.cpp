#include "cli/install_report.hpp"

#include "cli/text.hpp"

#include <nlohmann/json.hpp>

#include <ostream>

namespace miraclemax::cli {
namespace {

const char* due_word(installation::Due due) {
    switch (due) {
    case installation::Due::yes:
        return "due";
    case installation::Due::no:
        return "done";
    case installation::Due::left:
        return "left";
    case installation::Due::refused:
        return "refused";
    }
    return "due";
}

void print_json(const installation::Host& host, const installation::Installation& installation,
                std::ostream& out) {
    using nlohmann::json;
    json steps = json::array();
    for (const auto& task : installation.tasks())
        steps.push_back({{"what", task.step.what},
                         {"why", task.step.why},
                         {"undone", task.step.undone},
                         {"state", due_word(task.due)},
                         {"note", task.note}});
    const json document{{"way", installation::word(installation.plan().way)},
                        {"host", installation::told(host)},
                        {"steps", steps},
                        {"by_hand", installation.plan().by_hand}};
    out << document.dump(2, ' ', false, json::error_handler_t::replace) << '\n';
}

} // namespace

void print_installation(const installation::Host& host, const installation::Installation& installation,
                        bool json, std::ostream& out) {
    if (json) {
        print_json(host, installation, out);
        return;
    }
    out << "This host\n";
    for (const auto& text : installation::told(host))
        out << line("  " + text);
    out << "\nSteps\n";
    for (const auto& task : installation.tasks()) {
        const char* mark = task.due == installation::Due::yes       ? "  + "
                           : task.due == installation::Due::refused ? "  ! "
                                                                    : "  = ";
        out << line(mark + task.step.what);
        if (task.due == installation::Due::yes)
            out << line("      " + task.step.why + "; undone: " + task.step.undone);
        if (!task.note.empty())
            out << line("      " + task.note);
    }
    if (!installation.plan().by_hand.empty())
        out << "\nLeft to you\n";
    for (const auto& text : installation.plan().by_hand)
        out << line("  - " + text);
    out << '\n';
}

void print_key_advice(const installation::Made& made, std::ostream& out) {
    if (!made.signing_key.empty())
        out << line("backups are signed by " + made.signing_key + ": keep this fingerprint elsewhere");
    if (made.fingerprint.empty())
        return;
    out << '\n'
        << line("The new key pair is " + made.fingerprint + ".")
        << line("Its private half is in " + made.private_key.string() +
                ", and was proven to open what is encrypted.")
        << "WITHOUT IT NO BACKUP CAN BE OPENED, and this host must not keep it:\n"
           "  1. Copy the file to two USB sticks or more, and keep them in different places.\n"
           "  2. Print it (paperkey makes it short), and keep the paper where it can't burn with the host.\n"
           "  3. Put the file and its passphrase into a password manager.\n"
           "  4. Try it on another machine: gpg --import the file, and open a backup with it.\n"
        << line("  5. Then remove it here: shred -u " + made.private_key.string()) << '\n';
}

} // namespace miraclemax::cli
