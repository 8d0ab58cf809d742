#include "installation/installation.hpp"

#include "error.hpp"
#include "openpgp/key_pair.hpp"
#include "stream/digest.hpp"
#include "stream/file.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

namespace miraclemax::installation {
namespace {

namespace fs = std::filesystem;
using stream::is_there;

constexpr std::size_t largest_file = std::size_t{16} << 20U;

bool holds_files(const fs::path& folder) {
    std::error_code trouble;
    for (const auto& entry : fs::directory_iterator(folder, trouble))
        if (entry.is_regular_file(trouble) && !entry.path().filename().string().starts_with('.'))
            return true;
    return false;
}

// By import into a throwaway home: one that holds a private key is refused there.
std::string armored_public_key(const fs::path& file) {
    const openpgp::Home home;
    std::string all;
    for (const auto& fingerprint : openpgp::import_keys(home, std::vector<fs::path>{file}))
        all += openpgp::armored_key(home, fingerprint);
    return all;
}

} // namespace

Installation::Installation(Plan plan, fs::path root, Outside& outside)
    : plan_(std::move(plan)), root_(std::move(root)), outside_(outside) {
    record_.way = plan_.way;
    if (const auto before = read_record(real(plan_.places.record()))) {
        if (before->way != plan_.way)
            throw Error(ExitCode::config,
                        std::string("miraclemax is installed by another way already: ") + word(before->way),
                        "undo that first: miraclemax install --uninstall");
        record_ = *before;
    }
    if (!plan_.reload.empty())
        record_.reload = plan_.reload;
    for (const auto& step : plan_.steps)
        tasks_.push_back({.step = step});
    examine();
}

fs::path Installation::real(const fs::path& path) const {
    return root_ / path.relative_path();
}

void Installation::judge_file(Task& task) const {
    const auto path = real(task.step.path);
    if (!is_there(path))
        return;
    std::error_code trouble;
    const bool plain = fs::is_regular_file(fs::symlink_status(path, trouble));
    const auto now = plain ? stream::read_file(path, largest_file) : std::string();
    const auto* before = record_.of(task.step.path);
    if (plain && now == task.step.content)
        task.due = Due::no;
    else if (task.step.belongs_to_user) {
        task.due = Due::no;
        task.note = "the one that is there stays as it is";
    } else if (plain && before != nullptr && before->sha256 == stream::sha256_of(now))
        task.note = "the one of an earlier installation is replaced";
    else if (before != nullptr) {
        task.due = Due::left;
        task.note = "you changed it: it stays as it is (remove it to get the new one)";
    } else {
        task.due = Due::refused;
        task.note = "it is there already, and is not of miraclemax: move it away";
    }
}

void Installation::judge_key(Task& task) const {
    const auto path = real(task.step.path);
    if (task.step.kind == Step::Kind::public_key) {
        task.step.content = armored_public_key(task.step.content);
        judge_file(task);
    } else if (task.step.kind == Step::Kind::signing_key) {
        task.due = holds_files(path / "private-keys-v1.d") ? Due::no : Due::yes;
    } else if (holds_files(path.parent_path())) {
        task.due = Due::no;
        task.note = "a key is there already";
    } else if (plan_.private_key_out.parent_path() == path.parent_path()) {
        task.due = Due::refused;
        task.note =
            "the folder of the public keys is no place for the private one: another --private-key-out";
    } else if (is_there(plan_.private_key_out)) {
        task.due = Due::refused;
        task.note =
            plan_.private_key_out.string() + " is there already: name another file by --private-key-out";
    }
}

void Installation::examine() {
    bool units = false;
    for (auto& task : tasks_) {
        switch (task.step.kind) {
        case Step::Kind::folder:
            if (is_there(real(task.step.path))) {
                struct stat status {};
                const bool open =
                    ::stat(real(task.step.path).c_str(), &status) == 0 && (status.st_mode & 077U) != 0;
                task.due = Due::no;
                task.note =
                    open && task.step.mode == 0700 ? "others can look into it: chmod 0700 is better" : "";
            }
            break;
        case Step::Kind::file:
            judge_file(task);
            units = units || (task.step.is_unit && task.due == Due::yes);
            break;
        case Step::Kind::command:
            task.due = task.step.always_due || (task.step.after_units && units) ? Due::yes : Due::no;
            break;
        default:
            judge_key(task);
        }
    }
}

bool Installation::is_done() const {
    return std::none_of(tasks_.begin(), tasks_.end(), [](const Task& task) { return task.due == Due::yes; });
}

bool Installation::is_refused() const {
    return std::any_of(tasks_.begin(), tasks_.end(),
                       [](const Task& task) { return task.due == Due::refused; });
}

bool Installation::makes_key_pair() const {
    return std::any_of(tasks_.begin(), tasks_.end(), [](const Task& task) {
        return task.step.kind == Step::Kind::key_pair && task.due == Due::yes;
    });
}

void Installation::record(Deed deed) {
    record_.add(std::move(deed));
    make_folder(plan_.places.state, 0700);
    write_record(real(plan_.places.record()), record_);
}

void Installation::make_folder(const fs::path& path, mode_t mode) {
    if (path.empty() || path == "/" || is_there(real(path)))
        return;
    make_folder(path.parent_path(), 0755);
    if (::mkdir(real(path).c_str(), mode) != 0 && errno != EEXIST)
        throw stream::write_error("create the folder", real(path), errno);
    if (::chmod(real(path).c_str(), mode) != 0) // whatever the umask is
        throw stream::write_error("set the mode of", real(path), errno);
    stream::sync_folder(real(path).parent_path());
    // After it was made: the first one is the record's own folder. One that is not recorded is empty, and
    // harmless.
    record({.kind = "folder", .path = path});
}

void Installation::write(const Task& task) {
    const auto& step = task.step;
    make_folder(step.path.parent_path(), 0755);
    record({.kind = step.kind == Step::Kind::file ? "file" : "key",
            .path = step.path,
            .sha256 = stream::sha256_of(step.content)});
    stream::replace_file(real(step.path), step.content, step.mode);
}

void Installation::run(const Step& step) {
    if (!step.undo.empty())
        record({.kind = "command", .what = step.what, .undo = step.undo});
    const auto answer = outside_.run(step.command);
    if (answer.code != 0)
        throw Error(ExitCode::failed,
                    "can't " + step.what + ": " + spelled(step.command) + " ended with " +
                        std::to_string(answer.code) + (answer.said.empty() ? "" : ": " + answer.said),
                    step.remedy);
}

void Installation::make_key_pair(const Step& step, const std::string& passphrase, Made& made) {
    const auto pair =
        openpgp::make_key_pair("miraclemax backup " + plan_.instance, passphrase, plan_.key_bits);
    const auto& file = plan_.private_key_out;
    stream::write_file(file, pair.private_key);
    stream::sync_folder(file.parent_path());
    record({.kind = "key", .path = file});
    // The file itself, as it can be read again, opens what the public half locks; only then is it put to use.
    openpgp::prove_key_pair(pair.public_key, stream::read_file(file, largest_file), passphrase);
    record({.kind = "key", .path = step.path});
    stream::replace_file(real(step.path), pair.public_key, step.mode);
    made.fingerprint = pair.fingerprint;
    made.private_key = file;
}

Made Installation::carry_out(const std::string& passphrase, const Say& say) {
    if (is_refused())
        throw Error(ExitCode::config, "something is in the way; nothing was done");
    Made made;
    for (auto& task : tasks_) {
        if (task.due != Due::yes)
            continue;
        say(task.step.what);
        switch (task.step.kind) {
        case Step::Kind::folder:
            make_folder(task.step.path, task.step.mode);
            break;
        case Step::Kind::file:
        case Step::Kind::public_key:
            write(task);
            break;
        case Step::Kind::command:
            run(task.step);
            break;
        case Step::Kind::key_pair:
            make_key_pair(task.step, passphrase, made);
            break;
        case Step::Kind::signing_key:
            record({.kind = "key", .path = task.step.path});
            made.signing_key =
                openpgp::ensure_signing_key(openpgp::Home(real(task.step.path)), plan_.instance);
            break;
        }
        task.due = Due::no;
    }
    return made;
}

} // namespace miraclemax::installation
